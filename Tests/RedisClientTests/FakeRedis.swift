import EventLoop
import RedisClient
import Testing

/// Something that speaks like Redis but answers each read with the same bytes, or (nil) with its end.
final class FakeRedis {
    private final class Answering: StreamDelegate {
        var answer: String?
        init(_ answer: String?) { self.answer = answer }
        func stream(_ stream: EventLoop.Stream, received bytes: UnsafeRawBufferPointer) {
            if let answer { stream.write(answer) } else { stream.close() }
        }
        func streamReachedEnd(_ stream: EventLoop.Stream) { stream.close() }
        func streamDrained(_ stream: EventLoop.Stream) {}
        func stream(_ stream: EventLoop.Stream, failed error: SystemError) {}
    }

    private var listener: Listener?
    private var streams: [EventLoop.Stream] = []
    private var answering: [Answering] = []
    /// What connections to come are answered.
    var answer: String?
    /// How many connections there ever were.
    var accepted: Int { streams.count }

    init(_ loop: Loop, answer: String?) throws {
        self.answer = answer
        listener = try Listener(loop: loop, address: #require(SocketAddress("127.0.0.1:0"))) { [unowned self] stream in
            let one = Answering(self.answer)
            streams.append(stream)
            answering.append(one)
            stream.delegate = one
            stream.startReading()
        }
    }

    func endpoint() throws -> RedisEndpoint {
        try RedisEndpoint(url: "redis://127.0.0.1:\(#require(listener).port)")
    }

    /// Those there are get the new answer too.
    func changeMind() {
        for one in answering { one.answer = answer }
    }

    /// Says something unasked on every connection.
    func say(_ bytes: String) {
        for stream in streams { stream.write(bytes) }
    }

    /// Ends the connections; new ones are welcome.
    func cut() {
        for stream in streams { stream.close() }
    }

    func close() {
        listener?.close()
        cut()
    }
}
