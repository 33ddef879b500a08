import CUV
import Glibc
import TestSupport
import Testing

@testable import EventLoop

@Suite struct ListenerTests {
    @Test func aConnectionHasTheOptionsOfItsListener() throws {
        let loop = try Loop()
        let address = try #require(SocketAddress("127.0.0.1:0"))
        var accepted: EventLoop.Stream?
        let keepAlive = KeepAlive(idleSeconds: 15, intervalSeconds: 5, count: 3)
        let listener = try Listener(loop: loop, address: address, keepAlive: keepAlive) { accepted = $0 }
        var client: EventLoop.Stream?
        let target = try #require(SocketAddress(host: "127.0.0.1", port: listener.port))
        EventLoop.Stream.connect(loop: loop, to: target, timeoutMilliseconds: 2000) { client = try? $0.get() }
        loop.expect({ accepted != nil && client != nil }, "connected")
        let stream = try #require(accepted)
        func option(_ level: Int32, _ name: Int32) -> Int32 {
            var descriptor: uv_os_fd_t = -1
            var value: Int32 = -1
            var size = socklen_t(MemoryLayout<Int32>.size)
            #expect(uv_fileno(stream.asHandle, &descriptor) == 0)
            #expect(getsockopt(descriptor, level, name, &value, &size) == 0)
            return value
        }
        let tcp = Int32(IPPROTO_TCP)
        #expect(option(tcp, TCP_NODELAY) != 0 && option(SOL_SOCKET, SO_KEEPALIVE) == 1)
        #expect([TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT].map { option(tcp, $0) } == [15, 5, 3])
        client?.close()
        stream.close()
        listener.close()
        #expect(loop.close())
    }

    @Test func theEndOfAPeerIsSeenBeforeItIsRead() throws {
        let loop = try Loop()
        let pair = try Pair(loop)
        #expect(pair.server.peerEnd == .none)
        pair.client.finish()
        loop.expect({ pair.server.peerEnd == .halfClosed }, "FIN arrived")
        pair.client.startReading()
        pair.server.write("unread")
        loop.expect({ pair.atClient.text == "unread" }, "the client still reads")
        let other = try Pair(loop)
        other.client.reset()
        loop.expect({ other.server.peerEnd == .reset }, "RST arrived")
        pair.close()
        other.close()
        #expect(loop.close())
    }
}
