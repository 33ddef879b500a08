/// The address of a sidecar: `ws://<host>:<port>[/<path>]`.
///
/// The parser of a sidecar's output is strict, because the endpoint decides where clients' bytes go: a loopback host, a
/// port, a path of visible ASCII without query or fragment. Other hosts come from the operator's settings alone.
public struct SidecarEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// Longest line that is read, in bytes.
    public static let lineMax = 2_048

    /// A literal address. In a sidecar's output `localhost` is read as `127.0.0.1`.
    public let host: String
    public let port: Int
    /// Empty, or `/` and more.
    public let path: String

    /// For the Host header.
    public var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    public var description: String { "ws://\(authority)\(path)" }

    /// The announcement, if any, in a line of a sidecar's output.
    public enum Reading: Hashable, Sendable {
        /// Nothing.
        case nothing
        case listens(SidecarEndpoint)
        /// The line names a URL that the worker does not connect to, for this reason.
        case unusable(String)
    }

    /// Reads a line: a bare URL, or the first usable one in a sentence such as `Listening on ws://127.0.0.1:9222/x`.
    public static func read(_ line: String) -> Reading {
        guard line.utf8.count <= lineMax else { return .nothing }
        var text = Array(line.utf8)[...]
        while let last = text.last, last == 0x20 || last == 0x0D || last == 0x0A { text.removeLast() }
        // A URL alone on its line is the whole line, with any punctuation at its end.
        if let start = urlStart(in: text), start.at == text.startIndex, !text.contains(0x20) {
            return judge(text, isSecure: start.isSecure)
        }
        var refusal = Reading.nothing
        while let start = urlStart(in: text) {
            let url = text[start.at...].prefix { !ends($0) }
            let reading = judge(trimmed(url), isSecure: start.isSecure)
            if case .listens = reading { return reading }
            if refusal == .nothing { refusal = reading }
            text = text[url.endIndex...]
        }
        return refusal
    }

    private static func judge(_ url: ArraySlice<UInt8>, isSecure: Bool) -> Reading {
        let shown = String(decoding: url.prefix(shownBytesMax), as: UTF8.self)
        if isSecure {
            return .unusable(
                "\(shown) is not served: Berth speaks to sidecars without TLS, so let it print a ws:// URL")
        }
        if let endpoint = SidecarEndpoint(url: url.dropFirst(5)) { return .listens(endpoint) }
        return .unusable(
            "\(shown) is not served: a sidecar prints ws://<loopback address>:<port>/<path>, without query or fragment")
    }

    /// Bytes of a URL that a message shows.
    private static let shownBytesMax = 128

    /// The index of the first `ws://` or `wss://` that is no part of a longer word.
    private static func urlStart(in text: ArraySlice<UInt8>) -> (at: Int, isSecure: Bool)? {
        for at in text.indices where text[at] == UInt8(ascii: "w") {
            if at > text.startIndex, isWord(text[at - 1]) { continue }
            if text[at...].starts(with: "ws://".utf8) { return (at, false) }
            if text[at...].starts(with: "wss://".utf8) { return (at, true) }
        }
        return nil
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        default: byte >= 0x80
        }
    }

    /// True for a byte that ends a URL in a sentence.
    private static func ends(_ byte: UInt8) -> Bool {
        byte <= 0x20 || byte == 0x7F || "\"'`<>".utf8.contains(byte)
    }

    /// Without the punctuation of the sentence around it.
    private static func trimmed(_ url: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var url = url
        while let last = url.last, ".,;:!)]}".utf8.contains(last) { url.removeLast() }
        return url
    }

    /// An address that is no part of a sidecar's output.
    /// - Parameters:
    ///   - host: a literal address, not of loopback alone.
    ///   - path: empty, or `/` and more, without query and fragment.
    public init?(host: String, port: Int, path: String) {
        guard (1...65_535).contains(port), path.isEmpty || path.hasPrefix("/"),
            path.utf8.allSatisfy(SidecarEndpoint.isPlain)
        else { return nil }
        self.host = host
        self.port = port
        self.path = path
    }

    /// True for visible ASCII that begins no query and no fragment.
    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "?") && byte != UInt8(ascii: "#")
    }

    private init?(url: ArraySlice<UInt8>) {
        let slash = url.firstIndex(of: UInt8(ascii: "/")) ?? url.endIndex
        guard url.allSatisfy(SidecarEndpoint.isPlain),
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
}
