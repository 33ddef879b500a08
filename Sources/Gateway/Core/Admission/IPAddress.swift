/// An IP address as a number, to compare it with a range.
///
/// An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) counts as the IPv4 address in it, because a listener on `[::]` names
/// IPv4 clients so.
public struct IPAddress: Hashable, Sendable {
    enum Family: Hashable, Sendable {
        case v4, v6

        var bits: Int { self == .v4 ? 32 : 128 }
    }

    let family: Family
    /// An IPv4 address has the lower 32 bits.
    let number: UInt128

    /// `nil` for a text that is no address, or has a port, brackets or a zone.
    public init?(_ text: some StringProtocol) {
        if let number = IPAddress.v4(text) {
            (family, self.number) = (.v4, number)
        } else if let number = IPAddress.v6(text) {
            let isMapped = IPAddress.isMapped(number)
            (family, self.number) = isMapped ? (.v4, number & 0xFFFF_FFFF) : (.v6, number)
        } else {
            return nil
        }
    }

    static func isMapped(_ number: UInt128) -> Bool { number >> 32 == 0xFFFF }

    /// Four decimal numbers without leading zeros, which some programs read as octal.
    static func v4(_ text: some StringProtocol) -> UInt128? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var number: UInt128 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                part.utf8.count == 1 || part.first != "0", let byte = UInt8(part)
            else { return nil }
            number = number << 8 | UInt128(byte)
        }
        return number
    }

    /// Eight groups, or fewer with one `::` (RFC 4291, 2.2). The last two groups may be written as IPv4.
    static func v6(_ text: some StringProtocol) -> UInt128? {
        let halves = String(text).split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2, let last = groups(halves[halves.count - 1], mayEndInV4: true) else { return nil }
        guard halves.count == 2 else { return last.count == 8 ? joined(last) : nil }
        guard let first = groups(halves[0], mayEndInV4: false), first.count + last.count < 8 else { return nil }
        let zeros = [UInt128](repeating: 0, count: 8 - first.count - last.count)
        return joined(first + zeros + last)
    }

    private static func groups(_ text: Substring, mayEndInV4: Bool) -> [UInt128]? {
        if text.isEmpty { return [] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var groups: [UInt128] = []
        for (index, part) in parts.enumerated() {
            if mayEndInV4, index == parts.count - 1, let number = v4(part) {
                groups += [number >> 16, number & 0xFFFF]
            } else if (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isHexDigit),
                let group = UInt16(part, radix: 16)
            {
                groups.append(UInt128(group))
            } else {
                return nil
            }
        }
        return groups
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
    }

    private static func joined(_ groups: [UInt128]) -> UInt128 { groups.reduce(0) { $0 << 16 | $1 } }
}
