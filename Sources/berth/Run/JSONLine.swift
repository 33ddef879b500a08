import HTTPCore

/// The fields of a JSON object of a gateway.
struct JSONLine {
    private let fields: FlatJSON

    init?(_ bytes: [UInt8]) {
        guard let fields = try? FlatJSON(bytes) else { return nil }
        self.fields = fields
    }

    /// The object that is the only field of an object: `{"error":{…}}`.
    static func inner(of bytes: [UInt8], named name: String) -> JSONLine? {
        let start = Array("{\"\(name)\":".utf8)
        guard bytes.starts(with: start), bytes.last == UInt8(ascii: "}") else { return nil }
        return JSONLine(Array(bytes.dropFirst(start.count).dropLast()))
    }

    func text(_ name: String) -> String? {
        if case .text(let text)? = value(name) { text } else { nil }
    }

    /// A number without its fraction.
    func number(_ name: String) -> Int? {
        if case .number(let text)? = value(name) { Int(text.prefix { $0 != "." }) } else { nil }
    }

    private func value(_ name: String) -> FlatJSON.Value? { fields.fields.first { $0.name == name }?.value }
}
