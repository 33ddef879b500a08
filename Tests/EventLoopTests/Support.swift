import EventLoop
import Testing

/// Keeps what a stream reported.
final class Recorder: StreamDelegate {
    var received: [UInt8] = []
    var ended = false
    var drains = 0
    var error: SystemError?

    var text: String { String(decoding: received, as: UTF8.self) }

    func stream(_ stream: EventLoop.Stream, received bytes: UnsafeRawBufferPointer) {
        received.append(contentsOf: bytes)
    }
    func streamReachedEnd(_ stream: EventLoop.Stream) { ended = true }
    func streamDrained(_ stream: EventLoop.Stream) { drains += 1 }
    func stream(_ stream: EventLoop.Stream, failed error: SystemError) { self.error = error }
}

/// One accepted connection and its client, both with recorders, over TCP on loopback or a unix socket.
final class Pair {
    let client: EventLoop.Stream
    let server: EventLoop.Stream
    let atClient = Recorder()
    let atServer = Recorder()

    init(_ loop: Loop, unixPath: String? = nil) throws {
        var accepted: EventLoop.Stream?
        var connected: EventLoop.Stream?
        let address = try #require(unixPath.map { SocketAddress(unixPath: $0) } ?? SocketAddress("127.0.0.1:0"))
        let listener = try Listener(loop: loop, address: address) { accepted = $0 }
        let target = unixPath == nil ? try #require(SocketAddress(host: "127.0.0.1", port: listener.port)) : address
        EventLoop.Stream.connect(loop: loop, to: target, timeoutMilliseconds: 2000) { connected = try? $0.get() }
        #expect(loop.run(until: { accepted != nil && connected != nil }, timeoutMilliseconds: 3000))
        listener.close()
        server = try #require(accepted)
        client = try #require(connected)
        server.delegate = atServer
        client.delegate = atClient
    }

    func startReading() {
        client.startReading()
        server.startReading()
    }

    func close() {
        client.close()
        server.close()
    }
}
