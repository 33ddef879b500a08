/// Percent-decodes (RFC 3986, 2.1). `nil` if a `%` has no two hex digits after it, or if the result is not UTF-8.
/// - Parameter plusIsSpace: true for queries, as HTML forms write them.
package func percentDecoded(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
    var out: [UInt8] = []
    out.reserveCapacity(text.utf8.count)
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        switch byte {
        case 0x25:
            guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
                return nil
            }
            out.append(high << 4 | low)
        case 0x2B where plusIsSpace: out.append(0x20)
        default: out.append(byte)
        }
    }
    return String(validating: out, as: UTF8.self)
}

private func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
}

/// A query, split into Berth's own options and the parameters for the sidecar.
package struct Query {
    /// The values of Berth's own options by name, decoded.
    package private(set) var options: [String: String] = [:]
    /// The other parameters as the client wrote them, joined by `&`; empty if there are none.
    package private(set) var remaining = ""

    /// - Throws: a fault for an option given twice or not percent-encoded correctly.
    package init(_ text: String?, options names: Set<String>, dropped: Set<String>) throws(HTTPFault) {
        guard let text else { return }
        for part in text.split(separator: "&", omittingEmptySubsequences: true) {
            let equals = part.firstIndex(of: "=") ?? part.endIndex
            let name = percentDecoded(part[..<equals], plusIsSpace: true)?.lowercased()
            // Some servers split a query at `;` too.
            if part.split(separator: ";").contains(where: { Query.isNamed($0, dropped) }) { continue }
            guard let name, names.contains(name) else {
                remaining += remaining.isEmpty ? part : "&" + part
                continue
            }
            let raw = equals == part.endIndex ? part[equals...] : part[part.index(after: equals)...]
            guard let value = percentDecoded(raw, plusIsSpace: true) else {
                throw .malformed("The option \(name) is not percent-encoded correctly")
            }
            guard options.updateValue(value, forKey: name) == nil else {
                throw .malformed("The option \(name) is given twice")
            }
        }
    }

    private static func isNamed(_ part: Substring, _ names: Set<String>) -> Bool {
        percentDecoded(part.prefix { $0 != "=" }, plusIsSpace: true).map { names.contains($0.lowercased()) } ?? false
    }
}
