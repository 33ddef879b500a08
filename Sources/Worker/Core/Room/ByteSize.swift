/// Numbers of bytes for people.
public enum ByteSize {
    public static let kibi: UInt64 = 1 << 10
    public static let mebi: UInt64 = 1 << 20
    public static let gibi: UInt64 = 1 << 30

    /// `512 MiB`, `1.5 GiB`; less than a MiB in KiB.
    public static func words(_ bytes: UInt64) -> String {
        guard bytes >= gibi else { return bytes >= mebi ? "\(bytes / mebi) MiB" : "\(bytes / kibi) KiB" }
        let tenths = bytes / (gibi / 10)
        return tenths % 10 == 0 ? "\(tenths / 10) GiB" : "\(tenths / 10).\(tenths % 10) GiB"
    }
}
