import CLua

/// Numbers as Redis reads and spells them.
enum Numbers {
    /// A buffer that holds any number.
    static let bytesMax = 32

    /// Strict: no blank, no plus, no leading zero, in 64 bits.
    static func integer(_ text: Bytes) -> Int64? {
        guard text.count > 0, text.count <= 20 else { return nil }
        if text.count == 1, text[0] == 0x30 { return 0 }
        let isNegative = text[0] == 0x2D
        let start = isNegative ? 1 : 0
        guard start < text.count, (0x31...0x39).contains(text[start]) else { return nil }
        var number: UInt64 = 0
        for index in start..<text.count {
            let digit = text[index] &- 0x30
            guard digit <= 9 else { return nil }
            let (shifted, isOver) = number.multipliedReportingOverflow(by: 10)
            let (sum, isOverToo) = shifted.addingReportingOverflow(UInt64(digit))
            guard !isOver, !isOverToo else { return nil }
            number = sum
        }
        if isNegative { return number <= 1 << 63 ? Int64(truncatingIfNeeded: 0 &- number) : nil }
        return Int64(exactly: number)
    }

    /// Up to 15 digits are exact without asking the C library.
    private static func short(_ text: Bytes) -> Double? {
        guard text.count > 0, text.count <= 15 else { return nil }
        var number: Int64 = 0
        for index in 0..<text.count {
            let digit = text[index] &- 0x30
            guard digit <= 9 else { return nil }
            number = number &* 10 &+ Int64(digit)
        }
        return Double(number)
    }

    /// As ZADD reads a score. The text must end with a zero byte behind it.
    static func score(_ text: Bytes) -> Double? {
        if let number = short(text) { return number }
        guard text.count > 0, !isBlank(text[0]) else { return nil }
        var (number, isOutOfRange) = (0.0, Int32(0))
        let read = clua_read(UnsafeRawPointer(text.base).assumingMemoryBound(to: CChar.self), &number, &isOutOfRange)
        let isLost = isOutOfRange != 0 && (number.isInfinite || number == 0)
        return read == text.count && !isLost && !number.isNaN ? number : nil
    }

    /// One end of a range of scores: `(5` is without 5. Looser than a score: blanks may lead, nothing is 0.
    static func bound(_ text: Bytes) -> (score: Double, isOpen: Bool)? {
        let isOpen = text.count > 0 && text[0] == 0x28
        let rest = isOpen ? Bytes(base: text.base + 1, count: text.count - 1) : text
        if let number = short(rest) { return (number, isOpen) }
        var (number, isOutOfRange) = (0.0, Int32(0))
        let read = clua_read(UnsafeRawPointer(rest.base).assumingMemoryBound(to: CChar.self), &number, &isOutOfRange)
        guard rest.base[read] == 0, !number.isNaN else { return nil }
        return (number, isOpen)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    /// - Parameter buffer: of `bytesMax` bytes; a zero byte follows the text.
    static func spell(_ number: Double, _ buffer: UnsafeMutablePointer<UInt8>) -> Bytes {
        if abs(number) < 1e15, number != 0, let whole = Int64(exactly: number) { return spell(whole, buffer) }
        let count = clua_spell(
            number, UnsafeMutableRawPointer(buffer).assumingMemoryBound(to: CChar.self), bytesMax)
        return Bytes(base: buffer, count: Int(count))
    }

    static func spell(_ number: Int64, _ buffer: UnsafeMutablePointer<UInt8>) -> Bytes {
        var at = bytesMax - 1
        buffer[at] = 0
        var rest = number.magnitude
        repeat {
            at -= 1
            buffer[at] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        if number < 0 {
            at -= 1
            buffer[at] = 0x2D
        }
        return Bytes(base: buffer + at, count: bytesMax - 1 - at)
    }
}
