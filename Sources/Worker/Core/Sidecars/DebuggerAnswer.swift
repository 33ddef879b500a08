/// A browser's answer to the question for its socket: a `GET` of `/json/version`, whose body has a field
/// `webSocketDebuggerUrl`.
public enum DebuggerAnswer: Hashable, Sendable {
    /// Not enough bytes came yet.
    case incomplete
    /// The path of the socket.
    case path(String)
    /// Not the answer of a browser, for this reason.
    case unusable(String)

    /// Longest answer, in bytes.
    public static let answerBytesMax = 16_384

    /// Reads the bytes received so far. The host in the URL is not read, because it is the one of the browser's own
    /// network.
    /// - Parameter isEnded: no more bytes come.
    public static func read(_ bytes: [UInt8], isEnded: Bool) -> DebuggerAnswer {
        let text = String(decoding: bytes, as: UTF8.self)
        let first = text.prefix { $0 != "\r\n" && $0 != "\r" && $0 != "\n" }
        let isWhole = isEnded || bytes.count >= answerBytesMax
        guard first.utf8.count < text.utf8.count || isWhole else { return .incomplete }
        guard first.hasPrefix("HTTP/1.") && first.dropFirst(8).hasPrefix(" 200") else {
            return .unusable(first.isEmpty ? "it sent no answer" : "it answered \(first.prefix(64))")
        }
        guard let key = text.firstRange(of: "\"webSocketDebuggerUrl\"")?.upperBound else {
            return isWhole ? .unusable("its answer has no webSocketDebuggerUrl") : .incomplete
        }
        let parts = text[key...].split(separator: "\"", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return isWhole ? .unusable("its answer is cut off") : .incomplete }
        guard let address = try? AttachAddress(String(parts[1])), let path = address.path else {
            return .unusable("its webSocketDebuggerUrl is no ws:// URL: \(parts[1].prefix(64))")
        }
        return .path(path)
    }
}
