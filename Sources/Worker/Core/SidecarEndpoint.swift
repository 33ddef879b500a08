/// Where a sidecar listens, as it says itself: `ws://<loopback>:<port>[/<path>]`.
///
/// Strict, because it decides where clients' bytes go: a loopback host, a port, a path of visible ASCII without
/// query or fragment.
public struct SidecarEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// Longest line that is looked at, in bytes.
    public static let lineMax = 2_048

    /// A literal address: `127.0.0.1` and its kin, or `::1`. `localhost` is read as `127.0.0.1`.
    public let host: String
    public let port: Int
    /// Empty, or `/` and more.
    public let path: String

    /// What the Host header says, and what is dialled.
    public var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    public var description: String { "ws://\(authority)\(path)" }

    /// Reads a line of a sidecar's output; `nil` for any that names no endpoint.
    ///
    /// - Parameter anywhere: also take what follows `listening on `, as browsers' DevTools servers write it.
    public init?(line: String, anywhere: Bool = false) {
        guard line.utf8.count <= SidecarEndpoint.lineMax else { return nil }
        var text = Array(line.utf8)[...]
        while let last = text.last, last == 0x20 || last == 0x0D || last == 0x0A { text.removeLast() }
        if !text.starts(with: "ws://".utf8) {
            let marker = Array("listening on ws://".utf8)
            guard anywhere, let start = SidecarEndpoint.position(of: marker, in: text) else { return nil }
            text = text[(start + marker.count - 5)...]
        }
        self.init(url: text.dropFirst(5))
    }

    private init?(url: ArraySlice<UInt8>) {
        let slash = url.firstIndex(of: UInt8(ascii: "/")) ?? url.endIndex
        guard url.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }),
            let colon = url[..<slash].lastIndex(of: UInt8(ascii: ":"))
        else { return nil }
        let digits = url[(colon + 1)..<slash]
        guard (1...5).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(String(decoding: digits, as: UTF8.self)), (1...65_535).contains(port)
        else { return nil }
        switch String(decoding: url[..<colon], as: UTF8.self) {
        case "localhost": host = "127.0.0.1"
        case "[::1]": host = "::1"
        case let text where SidecarEndpoint.isLoopback4(text): host = text
        default: return nil
        }
        self.port = port
        path = String(decoding: url[slash...], as: UTF8.self)
    }

    private static func isLoopback4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { part in
                (1...3).contains(part.utf8.count) && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
                    && Int(part)! <= 255
            }
    }

    private static func position(of needle: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
        guard text.count >= needle.count else { return nil }
        return (text.startIndex...(text.endIndex - needle.count)).first { text[$0...].starts(with: needle) }
    }
}
