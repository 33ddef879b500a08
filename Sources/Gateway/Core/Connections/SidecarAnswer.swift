/// Reads the head of a sidecar's answer to a WebSocket handshake, for clients that get another answer from the gateway.
struct SidecarAnswer: Hashable, Sendable {
    enum Step: Hashable, Sendable {
        case needMore
        /// The whole head, with its blank line, and the bytes behind it.
        case accepted(head: [UInt8], rest: [UInt8])
        /// The sidecar did not take the handshake.
        case refused(Refusal)
    }

    /// The head's longest size.
    static let answerBytesMax = 16 * 1_024

    private var head: [UInt8] = []

    mutating func read(_ bytes: some Sequence<UInt8>) -> Step {
        // The blank line may have begun in the bytes before.
        let start = max(0, head.count - 3)
        head += bytes
        let blank: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        guard let end = head[start...].firstRange(of: blank)?.upperBound else {
            return head.count <= SidecarAnswer.answerBytesMax
                ? .needMore : .refused(refusal("an answer that is too long"))
        }
        let line = String(decoding: head.prefix { $0 != 0x0D }.prefix(64), as: UTF8.self)
        guard line.hasPrefix("HTTP/1.1 101") else { return .refused(refusal(line)) }
        return .accepted(head: Array(head[..<end]), rest: Array(head[end...]))
    }

    private func refusal(_ words: String) -> Refusal {
        Refusal(.workerFailed, "The browser did not take the connection: \(words)")
    }
}
