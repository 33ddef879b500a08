/// Decodes base64 (RFC 4648, 4) with its padding; `nil` for anything else.
package func base64Decoded(_ text: String) -> [UInt8]? {
    let bytes = Array(text.utf8)
    guard bytes.count % 4 == 0 else { return nil }
    let padding = bytes.reversed().prefix { $0 == 0x3D }.count
    guard padding <= 2 else { return nil }
    var out: [UInt8] = []
    out.reserveCapacity(bytes.count / 4 * 3)
    var bits: UInt32 = 0
    for (index, byte) in bytes.dropLast(padding).enumerated() {
        guard let value = base64Value(byte) else { return nil }
        bits = bits << 6 | UInt32(value)
        if index % 4 == 3 {
            out += [UInt8(truncatingIfNeeded: bits >> 16), UInt8(truncatingIfNeeded: bits >> 8)]
            out.append(UInt8(truncatingIfNeeded: bits))
        }
    }
    if padding == 2 { out.append(UInt8(truncatingIfNeeded: bits >> 4)) }
    if padding == 1 { out += [UInt8(truncatingIfNeeded: bits >> 10), UInt8(truncatingIfNeeded: bits >> 2)] }
    return out
}

private func base64Value(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x41...0x5A: byte - 0x41
    case 0x61...0x7A: byte - 0x61 + 26
    case 0x30...0x39: byte - 0x30 + 52
    case 0x2B: 62
    case 0x2F: 63
    default: nil
    }
}
