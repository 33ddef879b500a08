/// How much of a session its protocol log may hold.
///
/// Up to `wholeBytesMax` each message is written. After that one message in `sampledOneIn` of each side is written. From
/// `fileBytesMax` on none is written.
public struct ProtocolLogBudget: Hashable, Sendable {
    /// Bytes of a file after which messages are sampled.
    public static let wholeBytesMax = 16_777_216
    /// While messages are sampled, one of so many messages of a side is written.
    public static let sampledOneIn = 100
    /// Most bytes of a file.
    public static let fileBytesMax = 67_108_864
    /// Bytes of a file that are kept for its first and last lines.
    public static let edgeBytesMax = 4_096

    /// Messages that were not written, by the reason.
    public struct Dropped: Hashable, Sendable {
        /// Messages were sampled.
        public var sampled: UInt64 = 0
        /// The file was full.
        public var full: UInt64 = 0
        /// The disk was too slow, or failed.
        public var disk: UInt64 = 0

        public init() {}

        public var all: UInt64 { sampled + full + disk }
    }

    public private(set) var dropped = Dropped()
    /// Bytes of the lines written.
    private var bytes = 0
    /// True from the first line that did not fit.
    public private(set) var isFull = false
    /// Messages of each side since messages are sampled.
    private var sampled: [LoggedSide: UInt64] = [:]

    public init() {}

    /// A message has arrived: true if its line may be written. Then call `take`.
    public mutating func admits(_ side: LoggedSide) -> Bool {
        if isFull {
            dropped.full += 1
            return false
        }
        guard bytes >= ProtocolLogBudget.wholeBytesMax else { return true }
        let count = sampled[side, default: 0]
        sampled[side] = count + 1
        if count % UInt64(ProtocolLogBudget.sampledOneIn) == 0 { return true }
        dropped.sampled += 1
        return false
    }

    /// True if a line of so many bytes fits into the file.
    public mutating func take(lineBytes: Int) -> Bool {
        let room = ProtocolLogBudget.fileBytesMax - ProtocolLogBudget.edgeBytesMax - bytes
        guard lineBytes <= room else {
            isFull = true
            dropped.full += 1
            return false
        }
        bytes += lineBytes
        return true
    }

    /// A line that was taken did not reach the file.
    public mutating func lost(lineBytes: Int) {
        bytes -= lineBytes
        lost(messages: 1)
    }

    /// Messages whose lines were taken did not reach the file, which failed.
    public mutating func lost(messages: UInt64) { dropped.disk += messages }
}
