/// The last bytes of a stream of any length, and the number of bytes before them.
struct OutputTail {
    static let tailBytesMax = 8_192

    /// Oldest first.
    private(set) var bytes: [UInt8] = []
    /// The number of bytes before those kept.
    private(set) var droppedBytes: UInt64 = 0

    /// Copies at most `tailBytesMax` bytes, however many are added.
    mutating func append(_ more: UnsafeRawBufferPointer) {
        let kept = UnsafeRawBufferPointer(rebasing: more.suffix(OutputTail.tailBytesMax))
        bytes.append(contentsOf: kept)
        droppedBytes += UInt64(more.count - kept.count)
        // Bytes are moved once per `tailBytesMax` bytes added, not at each call.
        if bytes.count >= 2 * OutputTail.tailBytesMax { trim() }
    }

    private mutating func trim() {
        let over = bytes.count - OutputTail.tailBytesMax
        guard over > 0 else { return }
        droppedBytes += UInt64(over)
        bytes.removeFirst(over)
    }

    /// The bytes kept, at most `tailBytesMax`, and the number of bytes before them.
    mutating func taken() -> (bytes: [UInt8], droppedBytes: UInt64) {
        trim()
        return (bytes, droppedBytes)
    }
}
