/// Reads one request as its bytes arrive: its head, and the body that a `Content-Length` announces.
package struct RequestReader: Sendable {
    /// The longest body.
    package static let bodyBytesMax = 16 * 1_024
    /// The interim answer for a client that waits before it sends its body (RFC 9110, 10.1.1).
    package static let goOn = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    package struct Request: Hashable, Sendable {
        package var head: RequestHead
        /// Empty if the head announced none.
        package let body: [UInt8]
        /// How many bytes came after the request.
        package let leftover: Int

        package init(head: RequestHead, body: [UInt8] = [], leftover: Int = 0) {
            self.head = head
            self.body = body
            self.leftover = leftover
        }
    }

    /// The verdict on the bytes so far.
    package enum Step: Hashable, Sendable {
        case needMore
        /// The client sends its body after the interim answer `goOn`.
        case expectsAnswer
        case request(Request)
        case refused(HTTPFault)
    }

    private enum Part: Sendable {
        /// Can transition to: body.
        case head(HeadParser)
        /// Can transition to: nothing.
        case body(RequestHead, length: Int, bytes: [UInt8])
    }

    private var part = Part.head(HeadParser())

    package init() {}

    /// Takes the next bytes. Do not call it after `.request` or `.refused`.
    package mutating func feed(_ more: some Collection<UInt8>) -> Step {
        switch part {
        case .head(var parser):
            let step = parser.feed(more)
            part = .head(parser)
            switch step {
            case .needMore: return .needMore
            case .refused(let fault): return .refused(fault)
            case .head(let head, let leftover): return begin(head, rest: more.suffix(leftover))
            }
        case .body(let head, let length, let bytes):
            return advance(head, length: length, bytes: bytes, more)
        }
    }

    private mutating func begin(_ head: RequestHead, rest: some Collection<UInt8>) -> Step {
        // The head's parser accepts plain numbers only.
        let length = head.value("content-length").flatMap { Int($0) } ?? 0
        guard length <= RequestReader.bodyBytesMax else {
            return .refused(.malformed("The body exceeds \(RequestReader.bodyBytesMax / 1_024) KiB", status: 413))
        }
        let step = advance(head, length: length, bytes: [], rest)
        let waits = step == .needMore && rest.isEmpty && head.list("expect").contains("100-continue")
        return waits ? .expectsAnswer : step
    }

    private mutating func advance(
        _ head: RequestHead, length: Int, bytes: [UInt8], _ more: some Collection<UInt8>
    ) -> Step {
        let missing = length - bytes.count
        let body = bytes + more.prefix(missing)
        guard body.count == length else {
            part = .body(head, length: length, bytes: body)
            return .needMore
        }
        return .request(Request(head: head, body: body, leftover: max(0, more.count - missing)))
    }
}
