import EventLoop
import Testing

/// Something that speaks like Redis but answers each read with the same bytes.
final class FakeRedis {
    private final class Answering: StreamDelegate {
        let answer: String
        init(_ answer: String) { self.answer = answer }
        func stream(_ stream: EventLoop.Stream, received bytes: UnsafeRawBufferPointer) { stream.write(answer) }
        func streamReachedEnd(_ stream: EventLoop.Stream) { stream.close() }
        func streamDrained(_ stream: EventLoop.Stream) {}
        func stream(_ stream: EventLoop.Stream, failed error: SystemError) {}
    }

    private var listener: Listener?
    private var streams: [EventLoop.Stream] = []
    var answer: String
    var accepted: Int { streams.count }

    init(_ loop: Loop, answer: String) throws {
        self.answer = answer
        listener = try Listener(loop: loop, address: #require(SocketAddress("127.0.0.1:0"))) { [unowned self] stream in
            streams.append(stream)
            stream.delegate = Answering(self.answer)
            stream.startReading()
        }
    }

    func endpoint() throws -> RedisEndpoint {
        try RedisEndpoint(url: "redis://127.0.0.1:\(#require(listener).port)")
    }

    func close() {
        listener?.close()
        for stream in streams { stream.close() }
    }
}
