import AdminCore
import EventLoop
import HTTPCore

/// One connection to the admin listener: a request and its answer, or a reader of events.
final class AdminConnection {
    private enum State {
        /// Can transition to: answering, closed.
        case reading(RequestReader)
        /// Redis is asked.
        /// Can transition to: streaming, ending, closed.
        case answering
        /// Can transition to: closed.
        case streaming
        /// The answer is written, and the peer's end is awaited.
        /// Can transition to: closed.
        case ending
        /// Can transition to: nothing.
        case closed
    }

    /// From the accept to the whole request, and again to the answer.
    static let patienceMilliseconds: UInt64 = 10_000
    /// From the answer to the close, if the peer does not close.
    static let lingerMilliseconds: UInt64 = 1_000

    private unowned let server: AdminServer
    private let stream: Stream
    private var state = State.reading(RequestReader())
    private var timer: Timer?
    private var wantsBody = true
    /// A reader of events that may give orders.
    private(set) var mayChange = false

    init(_ stream: Stream, server: AdminServer) {
        self.stream = stream
        self.server = server
        stream.delegate = self
        stream.startReading()
        arm(AdminConnection.patienceMilliseconds)
    }

    var isStreaming: Bool { if case .streaming = state { true } else { false } }
    var peer: String { stream.peerAddress }

    private func arm(_ milliseconds: UInt64) {
        timer?.cancel()
        timer = server.loop.schedule(after: milliseconds) { [weak self] in self?.timePassed() }
    }

    private func timePassed() {
        timer = nil
        if case .answering = state {
            return answer(AdminRefusal(.storeUnavailable, "Redis did not answer in time").response)
        }
        close()
    }

    private func serve(_ request: RequestReader.Request) {
        state = .answering
        wantsBody = request.head.method != "HEAD"
        arm(AdminConnection.patienceMilliseconds)
        server.serve(request, for: self)
    }

    /// Writes the answer. One that comes after the time is over is dropped.
    func answer(_ bytes: [UInt8]) {
        switch state {
        case .reading, .answering: break
        case .streaming, .ending, .closed: return
        }
        state = .ending
        stream.write(wantsBody ? bytes : AdminConnection.head(of: bytes))
        stream.finish()
        arm(AdminConnection.lingerMilliseconds)
    }

    /// The bytes up to the empty line.
    private static func head(of bytes: [UInt8]) -> [UInt8] {
        bytes.firstRange(of: Array("\r\n\r\n".utf8)).map { Array(bytes[..<$0.upperBound]) } ?? bytes
    }

    func startStreaming(mayChange: Bool) {
        guard case .answering = state else { return }
        state = .streaming
        self.mayChange = mayChange
        timer?.cancel()
        stream.write(
            Array(
                ("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
                    + "X-Accel-Buffering: no\r\nConnection: close\r\n\r\n").utf8))
    }

    func send(_ event: String) {
        guard case .streaming = state else { return }
        guard stream.queuedBytes <= EventStreams.unreadBytesMax else { return close() }
        stream.write(Array(event.utf8))
    }

    func close() {
        if case .closed = state { return }
        state = .closed
        timer?.cancel()
        stream.close()
        server.closed(self)
    }
}

extension AdminConnection: StreamDelegate {
    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        guard case .reading(var reader) = state else { return }
        let step = reader.feed(bytes)
        state = .reading(reader)
        switch step {
        case .needMore: break
        case .expectsAnswer: stream.write(RequestReader.goOn)
        case .refused(let fault): answer(AdminRefusal(fault).response)
        case .request(let request): serve(request)
        }
    }

    func streamReachedEnd(_ stream: Stream) {
        // A client may close its sending side and still read its answer.
        switch state {
        case .answering: break
        case .reading, .streaming, .ending, .closed: close()
        }
    }

    func streamDrained(_ stream: Stream) {}
    func stream(_ stream: Stream, failed error: SystemError) { close() }
}
