/// The age at which something with a largest age is replaced: a worker, or a sidecar.
public enum AgeLimit {
    /// Up to a tenth below the largest age, so that those started together are not replaced together.
    /// - Parameter draw: random bits, drawn by the caller.
    public static func milliseconds(most maxMilliseconds: UInt64, draw: UInt64) -> UInt64 {
        maxMilliseconds - draw % (maxMilliseconds / 10 + 1)
    }
}
