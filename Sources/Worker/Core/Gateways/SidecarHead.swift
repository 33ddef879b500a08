/// The request head for a sidecar: the head that the gateway forwards, with the path and Host that the sidecar expects.
///
/// The gateway has parsed the head strictly and left out Host. The worker changes the first line and adds Host. The
/// worker refuses any other shape, because a gateway does not send it.
public struct SidecarHead: Hashable, Sendable {
    /// Longest head, with its blank line, in bytes.
    public static let bytesMax = 20_480

    private let target: ArraySlice<UInt8>
    /// Header lines and the blank line.
    private let rest: ArraySlice<UInt8>

    /// Whether a head is complete.
    public enum Progress: Hashable, Sendable {
        case incomplete
        case complete(SidecarHead)
        /// Too long, not a head, or followed by bytes: a gateway sends nothing after the head before it has the proof.
        case invalid
    }

    /// Reads the bytes received after the grant line so far.
    public static func read(_ bytes: ArraySlice<UInt8>) -> Progress {
        guard bytes.count <= bytesMax else { return .invalid }
        guard let end = blankLineEnd(bytes) else { return bytes.count == bytesMax ? .invalid : .incomplete }
        guard end == bytes.endIndex, let head = SidecarHead(bytes) else { return .invalid }
        return .complete(head)
    }

    private init?(_ bytes: ArraySlice<UInt8>) {
        let suffix = Array(" HTTP/1.1".utf8)
        guard let lineEnd = bytes.firstIndex(of: 0x0D), bytes.starts(with: "GET /".utf8),
            bytes[..<lineEnd].count >= 5 + suffix.count, bytes[..<lineEnd].suffix(suffix.count).elementsEqual(suffix)
        else { return nil }
        target = bytes[(bytes.startIndex + 4)..<(lineEnd - suffix.count)]
        rest = bytes[(lineEnd + 2)...]
        guard target.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }), Self.areFields(rest) else {
            return nil
        }
    }

    /// The head for a sidecar at `endpoint`: the path of the endpoint before the client's path, and its Host.
    public func composed(for endpoint: SidecarEndpoint) -> [UInt8] {
        var prefix = Array(endpoint.path.utf8)
        if prefix.last == UInt8(ascii: "/") { prefix.removeLast() }
        let mark = target.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
        var path = prefix
        if target[..<mark].count > 1 { path += target[..<mark] }
        if path.isEmpty { path = [UInt8(ascii: "/")] }
        var head = Array("GET ".utf8)
        head.reserveCapacity(path.count + rest.count + 128)
        head += path
        head += target[mark...]
        head += Array(" HTTP/1.1\r\nHost: \(endpoint.authority)\r\n".utf8)
        head += rest
        return head
    }

    /// The value of the first field of this name.
    /// - Parameter name: in lower case.
    public func value(_ name: String) -> String? {
        for line in rest.split(separator: 0x0A) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
                line[..<colon].elementsEqual(name.utf8, by: { ($0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0) == $1 })
            else { continue }
            let value = line[(colon + 1)...].drop { $0 == 0x20 || $0 == 0x09 }
            return String(decoding: value.prefix { $0 != 0x0D && $0 != 0x20 && $0 != 0x09 }, as: UTF8.self)
        }
        return nil
    }

    /// Index behind the first empty line.
    private static func blankLineEnd(_ bytes: ArraySlice<UInt8>) -> Int? {
        var matched = 0
        let pattern: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        for index in bytes.indices {
            if bytes[index] == pattern[matched] {
                matched += 1
                if matched == 4 { return index + 1 }
            } else {
                matched = bytes[index] == 0x0D ? 1 : 0
            }
        }
        return nil
    }

    /// True for `name: value` lines ended by CRLF and one empty line, none of them Host.
    private static func areFields(_ bytes: ArraySlice<UInt8>) -> Bool {
        var start = bytes.startIndex
        while start < bytes.endIndex {
            guard let end = bytes[start...].firstIndex(of: 0x0D), end + 1 < bytes.endIndex, bytes[end + 1] == 0x0A
            else { return false }
            if end == start { return end + 2 == bytes.endIndex }
            let line = bytes[start..<end]
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > start,
                line[..<colon].allSatisfy({ (0x21...0x7E).contains($0) }),
                line.allSatisfy({ $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }),
                !line[..<colon].elementsEqual("host".utf8, by: { $0 | 0x20 == $1 })
            else { return false }
            start = end + 2
        }
        return false
    }
}
