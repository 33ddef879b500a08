/// A request head that passed every rule of `HeadParser`, with its fields as the client wrote them.
///
/// It exists only until the request is judged.
package struct RequestHead: Hashable, Sendable {
    /// One field line, as ranges of the head's bytes.
    package struct Field: Hashable, Sendable {
        package let name: Range<Int>
        /// The whitespace around the value is not part of it.
        package let value: Range<Int>
    }

    package let method: String
    /// The target before `?`, still percent-encoded. It begins with `/`; a check may have `*`.
    package let path: String
    /// The target after `?`; `nil` if there is no `?`.
    package let query: String?
    package let bytes: [UInt8]
    package let fields: [Field]
    /// The client connects by https or wss, to this gateway or to a trusted proxy in front that ends TLS.
    package var isHTTPS = false

    /// A balancer asks whether this port answers. Some balancers ask by HTTP/1.0 and without Host.
    package var isCheck: Bool { RequestHead.isCheck(method: method, path: path) }

    package static func isCheck(method: String, path: String) -> Bool {
        switch method {
        case "HEAD": path == "/"
        case "OPTIONS": path == "/" || path == "*"
        default: false
        }
    }

    /// The first field of that name.
    /// - Parameter name: in lower case.
    package func value(_ name: String) -> String? {
        fields.first { isNamed($0, name) }.map(text)
    }

    /// All fields of that name, in order.
    /// - Parameter name: in lower case.
    package func values(_ name: String) -> [String] {
        fields.filter { isNamed($0, name) }.map(text)
    }

    /// The elements of a comma-separated list over all fields of that name, in lower case (RFC 9110, 5.6.1).
    package func list(_ name: String) -> [String] {
        values(name).flatMap { $0.utf8.split(separator: UInt8(ascii: ",")) }.map { trimmed(Substring($0)).lowercased() }
            .filter { !$0.isEmpty }
    }

    package func count(_ name: String) -> Int {
        fields.count { isNamed($0, name) }
    }

    private func text(_ field: Field) -> String {
        String(decoding: bytes[field.value], as: UTF8.self)
    }

    private func isNamed(_ field: Field, _ name: String) -> Bool {
        field.name.count == name.utf8.count && zip(bytes[field.name], name.utf8).allSatisfy { lowercase($0) == $1 }
    }
}

/// Text without the spaces and tabs around it.
package func trimmed(_ text: some StringProtocol) -> String {
    var rest = Substring(text)
    while let first = rest.utf8.first, first == 0x20 || first == 0x09 { rest = rest.dropFirst() }
    while let last = rest.utf8.last, last == 0x20 || last == 0x09 { rest = rest.dropLast() }
    return String(rest)
}

package func lowercase(_ byte: UInt8) -> UInt8 {
    (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
}
