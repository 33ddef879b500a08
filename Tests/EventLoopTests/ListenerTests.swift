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

    /// Connects without turning the loop, so that the connection stays in a backlog.
    private func connect(to port: Int) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let code = SocketAddress(host: "127.0.0.1", port: port)!.withSocketAddress {
            Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
        #expect(code == 0)
        return descriptor
    }

    @Test func aPortIsSharedByThoseThatAskForIt() throws {
        let loop = try Loop()
        let any = try #require(SocketAddress("127.0.0.1:0"))
        var counts = [0, 0]
        let first = try Listener(loop: loop, address: any, sharesPort: true) {
            counts[0] += 1
            $0.close()
        }
        let address = try #require(SocketAddress(host: "127.0.0.1", port: first.port))
        let second = try Listener(loop: loop, address: address, sharesPort: true) {
            counts[1] += 1
            $0.close()
        }
        #expect(throws: SystemError.self) { try Listener(loop: loop, address: address) { $0.close() } }
        let clients = (0..<40).map { _ in connect(to: first.port) }
        loop.expect({ counts[0] + counts[1] == 40 }, "all are accepted")
        #expect(counts.allSatisfy { $0 > 0 }, "\(counts): the kernel deals")
        for client in clients { Glibc.close(client) }
        first.close()
        second.close()
        #expect(loop.close())
    }

    @Test func aListenerThatClosesTakesItsBacklog() throws {
        let loop = try Loop()
        let any = try #require(SocketAddress("127.0.0.1:0"))
        var accepted: [EventLoop.Stream] = []
        let listener = try Listener(loop: loop, address: any) { accepted.append($0) }
        let port = listener.port
        var clients = (0..<12).map { _ in connect(to: port) }
        // A turn of the loop takes some of them, and libuv holds one more.
        loop.expect({ !accepted.isEmpty }, "one is accepted")
        listener.pause()
        clients += (0..<12).map { _ in connect(to: port) }
        listener.closeAfterBacklog()
        #expect(accepted.count == clients.count)
        var late: EventLoop.Stream?
        var failed = false
        let address = try #require(SocketAddress(host: "127.0.0.1", port: port))
        EventLoop.Stream.connect(loop: loop, to: address, timeoutMilliseconds: 2000) {
            late = try? $0.get()
            failed = late == nil
        }
        loop.expect({ failed }, "nobody listens any more")
        for client in clients { Glibc.close(client) }
        for stream in accepted { stream.close() }
        #expect(loop.close())
    }

    @Test func aClientThatComesWhileAListenerClosesFindsTheNextOne() throws {
        let loop = try Loop()
        let any = try #require(SocketAddress("127.0.0.1:0"))
        var counts = [0, 0]
        let first = try Listener(loop: loop, address: any) {
            counts[0] += 1
            $0.close()
        }
        let address = try #require(SocketAddress(host: "127.0.0.1", port: first.port))
        let early = connect(to: first.port)
        first.ignoreNewClients()
        var client: Result<EventLoop.Stream, SystemError>?
        EventLoop.Stream.connect(loop: loop, to: address, timeoutMilliseconds: 10_000) { client = $0 }
        first.closeAfterBacklog()
        let second = try Listener(loop: loop, address: address) {
            counts[1] += 1
            $0.close()
        }
        loop.expect({ counts[1] == 1 }, "the client's system tries again after a second")
        #expect(counts == [1, 1])
        loop.expect({ client != nil }, "the connect ends")
        #expect(throws: Never.self) { try client?.get().close() }
        Glibc.close(early)
        second.close()
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
