/// The age at which a worker with a largest age drains.
public enum WorkerAge {
    /// Up to a tenth below the largest age, so that workers started together do not drain together.
    /// - Parameter draw: random bits, drawn once by the caller.
    public static func end(maxMilliseconds: UInt64, draw: UInt64) -> UInt64 {
        maxMilliseconds - draw % (maxMilliseconds / 10 + 1)
    }
}
