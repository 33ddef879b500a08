import HTTPCore

/// The line that says which slot is held.
public struct HeldSlotLine: Hashable, Sendable {
    public let session: String
    /// The slot's name.
    public let lease: String
}

/// A part of a gateway's answer to a request with `hold`.
public enum HoldAnswer: Hashable, Sendable {
    case held(HeldSlotLine)
    /// The session ended, for this reason.
    case ended(String)
    case refused(GatewayRefusal)
    /// It is no answer of a gateway.
    case unreadable(String)
}

/// A refusal as a gateway words it.
public struct GatewayRefusal: Hashable, Sendable {
    /// A code of docs/reference/refusals.md; empty if the answer has none, such as an answer of a proxy.
    public let code: String
    public let words: String

    /// The same request may succeed in a moment, at this gateway or at another one.
    public var isTemporary: Bool {
        ["shutting_down", "store_unavailable", "gateway_full"].contains(code) || [502, 503, 504].contains(bareStatus)
    }

    /// The status of an answer without a code; 0 with one.
    private let bareStatus: Int

    init(status: Int, body: [UInt8]) {
        let error = JSONLine.inner(of: body, named: "error")
        code = error?.text("code") ?? ""
        words = error?.text("message") ?? "the answer was HTTP \(status), and not of a gateway"
        bareStatus = code.isEmpty ? status : 0
    }
}

/// Reads a gateway's answer to a request with `hold`, as its bytes arrive.
public struct HoldReader: Sendable {
    private enum Part: Hashable, Sendable {
        /// Can transition to: lines, refusal, over.
        case head
        /// The slot is held. Can transition to: over.
        case lines
        /// Can transition to: over.
        case refusal(status: Int)
        /// Can transition to: nothing.
        case over
    }

    /// The head of an answer, its body if that is a refusal, or one of its lines.
    public static let answerPartBytesMax = 64 * 1_024

    private var part = Part.head
    private var bytes: [UInt8] = []

    public init() {}

    public mutating func read(_ more: some Sequence<UInt8>) -> [HoldAnswer] {
        bytes += more
        var answers: [HoldAnswer] = []
        if part == .head { readHead(&answers) }
        if part == .lines { readLines(&answers) }
        guard bytes.count <= HoldReader.answerPartBytesMax else {
            part = .over
            bytes = []
            return answers + [.unreadable("the answer is too long")]
        }
        return answers
    }

    /// The connection has ended. A refusal ends there.
    public mutating func end() -> HoldAnswer? {
        guard case .refusal(let status) = part else { return nil }
        part = .over
        return .refused(GatewayRefusal(status: status, body: bytes))
    }

    private mutating func readHead(_ answers: inout [HoldAnswer]) {
        guard let end = bytes.firstRange(of: [0x0D, 0x0A, 0x0D, 0x0A]) else { return }
        let words = String(decoding: bytes.prefix { $0 != 0x0D }, as: UTF8.self).split(separator: " ")
        bytes.removeFirst(end.upperBound)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            part = .over
            answers.append(.unreadable("the answer is not HTTP/1.1; for TLS write https://"))
            return
        }
        part = status == 201 ? .lines : .refusal(status: status)
    }

    private mutating func readLines(_ answers: inout [HoldAnswer]) {
        while let end = bytes.firstIndex(of: 0x0A) {
            let line = Array(bytes[..<end])
            bytes.removeFirst(end + 1)
            guard !line.isEmpty else { continue }
            answers.append(HoldReader.answer(in: line))
        }
    }

    private static func answer(in line: [UInt8]) -> HoldAnswer {
        guard let fields = JSONLine(line) else { return .unreadable("a line of the answer is not JSON") }
        if let words = fields.text("ended") { return .ended(words) }
        guard let session = fields.text("id"), let lease = fields.text("lease") else {
            return .unreadable("the gateway does not know the field hold; update it")
        }
        return .held(HeldSlotLine(session: session, lease: lease))
    }
}
