import EventLoop
import QueueCore
import Testing
import WorkerCore

@testable import Worker

/// Questions to sidecars whose asker is gone.
@Suite struct SidecarProbeTests {
    /// A sidecar may end while it is connected. Its connection must not stay open.
    @Test(arguments: [true, false])
    func oneThatIsDroppedWhileItConnectsClosesItsConnection(isHandshake: Bool) throws {
        let loop = try Loop()
        let server = EndWatch()
        let listener = try Listener(loop: loop, address: SocketAddress("127.0.0.1:0")!) { server.accepted($0) }
        var dropped: AnyObject?
        if isHandshake {
            let endpoint = try #require(SidecarEndpoint(host: "127.0.0.1", port: listener.port, path: "/"))
            dropped = SidecarProbe(endpoint, loop: loop) { _ in Issue.record("the asker is gone") }
        } else {
            let address = try #require(SocketAddress(host: "127.0.0.1", port: listener.port))
            dropped = DebuggerQuestion(address, loop: loop) { _ in Issue.record("the asker is gone") }
        }
        #expect(dropped != nil)
        dropped = nil
        #expect(loop.run(until: { server.isEnded }, timeoutMilliseconds: 10_000))
        server.close()
        listener.close()
        loop.run()
        #expect(loop.close())
    }
}

/// A server's side of one connection: sees its end.
private final class EndWatch: StreamDelegate {
    private var stream: Stream?
    private(set) var isEnded = false

    func accepted(_ stream: Stream) {
        self.stream = stream
        stream.delegate = self
        stream.startReading()
    }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {}
    func streamReachedEnd(_ stream: Stream) { end(stream) }
    func streamDrained(_ stream: Stream) {}
    func stream(_ stream: Stream, failed error: SystemError) { end(stream) }

    func close() { stream?.close() }

    private func end(_ stream: Stream) {
        isEnded = true
        stream.close()
    }
}
