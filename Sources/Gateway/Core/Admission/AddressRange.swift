/// The addresses of a network in the form of CIDR: `10.0.0.0/8`, `2001:db8::/32`. An address without a length is itself
/// alone.
public struct AddressRange: Hashable, Sendable {
    /// Says why a text is no range.
    public struct Objection: Error, Hashable {
        public let words: String
    }

    private let first: IPAddress
    /// How many bits all addresses of the range share.
    private let length: Int

    public init(_ text: String) throws(Objection) {
        let slash = text.firstIndex(of: "/")
        let address = text[..<(slash ?? text.endIndex)]
        guard let first = IPAddress(address) else {
            throw Objection(
                words: "'\(text)' is not an address or a range, like 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32")
        }
        // A mapped address is IPv4, and its length is that of the IPv6 form.
        let spare = address.contains(":") && first.family == .v4 ? 96 : 0
        let written = try slash.map { mark throws(Objection) -> Int in
            let digits = text[text.index(after: mark)...]
            guard (1...3).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let length = Int(digits), length <= first.family.bits + spare
            else {
                throw Objection(
                    words: "'\(text)' needs a length from 0 to \(first.family.bits + spare) after the slash")
            }
            return length
        }
        let length = (written ?? first.family.bits + spare) - spare
        let rest = first.family.bits - length
        guard length >= 0, (first.number >> rest) << rest == first.number else {
            throw Objection(
                words:
                    "'\(text)' has bits behind its length: write the first address of the range, or the address alone")
        }
        self.first = first
        self.length = length
    }

    public func contains(_ address: IPAddress) -> Bool {
        address.family == first.family && (address.number ^ first.number) >> (first.family.bits - length) == 0
    }
}
