/// The last bytes of a stream of any length, and how many there were before them.
struct OutputTail {
    static let tailBytesMax = 8_192

    /// Oldest first.
    private(set) var bytes: [UInt8] = []
    /// Bytes that came before those kept.
    private(set) var droppedBytes: UInt64 = 0

    /// Costs no more than `tailBytesMax` bytes of copying, however many come.
    mutating func append(_ more: UnsafeRawBufferPointer) {
        let kept = UnsafeRawBufferPointer(rebasing: more.suffix(OutputTail.tailBytesMax))
        bytes.append(contentsOf: kept)
        droppedBytes += UInt64(more.count - kept.count)
        // Bytes are moved once for each `tailBytesMax` that came, not for each call.
        if bytes.count >= 2 * OutputTail.tailBytesMax { trim() }
    }

    private mutating func trim() {
        let over = bytes.count - OutputTail.tailBytesMax
        guard over > 0 else { return }
        droppedBytes += UInt64(over)
        bytes.removeFirst(over)
    }

    /// Exactly what is kept in the end.
    mutating func taken() -> (bytes: [UInt8], droppedBytes: UInt64) {
        trim()
        return (bytes, droppedBytes)
    }
}
