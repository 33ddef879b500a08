/// The form of a host's text. The host need not exist.
enum HostText {
    case ipv4, ipv6, name

    private static let nameBytesMax = 253
    private static let labelBytesMax = 63

    /// `nil` for any other text. Brackets are not part of a host.
    init?(_ text: some StringProtocol) {
        if HostText.isIPv4(text) {
            self = .ipv4
        } else if HostText.isIPv6(text) {
            self = .ipv6
        } else if HostText.isName(text) {
            self = .name
        } else {
            return nil
        }
    }

    /// True for an address that means all addresses of the machine. Processes can listen on it, but not connect to it.
    static func isUnspecified(_ host: some StringProtocol) -> Bool {
        host == "0.0.0.0" || (isIPv6(host) && host.allSatisfy { $0 == "0" || $0 == ":" })
    }

    private static func isIPv4(_ text: some StringProtocol) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                (1...3).contains(part.utf8.count) && part.utf8.allSatisfy(isDigit) && UInt8(part) != nil
                    && (part.count == 1 || part.first != "0")
            }
    }

    /// Eight groups, or fewer with one `::`. The last two groups may be written as IPv4. A zone may follow after `%`.
    private static func isIPv6(_ text: some StringProtocol) -> Bool {
        let address = text.prefix { $0 != "%" }
        if address.endIndex < text.endIndex, text[address.endIndex...].count < 2 { return false }
        let halves = String(address).split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return false }
        var count = 0
        for (index, half) in halves.enumerated() where !half.isEmpty {
            let groups = half.split(separator: ":", omittingEmptySubsequences: false)
            for (place, group) in groups.enumerated() {
                let isLast = index == halves.count - 1 && place == groups.count - 1
                if isLast && isIPv4(group) {
                    count += 2
                } else if (1...4).contains(group.utf8.count), group.allSatisfy({ $0.isASCII && $0.isHexDigit }) {
                    count += 1
                } else {
                    return false
                }
            }
        }
        return halves.count == 2 ? count < 8 : count == 8
    }

    /// A DNS name. If the last label is a number, the text is a mistyped address and not a name.
    private static func isName(_ text: some StringProtocol) -> Bool {
        var labels = text.split(separator: ".", omittingEmptySubsequences: false)
        if labels.last?.isEmpty == true { labels.removeLast() }
        guard let last = labels.last, text.utf8.count <= nameBytesMax, !last.utf8.allSatisfy(isDigit) else {
            return false
        }
        return labels.allSatisfy { label in
            (1...labelBytesMax).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { isDigit($0) || isLetter($0) || $0 == 0x2D || $0 == 0x5F }
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
}
