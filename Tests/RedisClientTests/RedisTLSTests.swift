import EventLoop
import TestSupport
import Testing

@testable import RedisClient

/// A real Redis that speaks TLS.
@Suite struct RedisTLSTests {
    private struct Site {
        let certificates: TestCertificates
        let files: CertificateFiles
        let port: Int
        let server: RedisServer

        init(names: String = "DNS:localhost,IP:127.0.0.1", days: Int = 2, options: [String] = []) throws {
            certificates = try TestCertificates()
            files = certificates.make("redis", names: names, days: days)
            port = try RedisCluster.freePorts(1)[0]
            let words = [
                "--tls-port", "\(port)", "--tls-cert-file", files.certificate, "--tls-key-file", files.key,
                "--tls-ca-cert-file", files.certificate, "--bind", "127.0.0.1", "--tls-auth-clients", "no",
            ]
            server = try RedisServer(words + options)
        }

        func endpoint(_ host: String = "localhost", trusting file: String? = nil) throws -> RedisEndpoint {
            try RedisEndpoint(url: "rediss://\(host):\(port)", authorities: file ?? files.certificate)
        }
    }

    /// Connects until there is an event: nil for `up`, else the reason why not.
    private func reason(_ endpoint: RedisEndpoint, milliseconds: UInt64 = 5_000) throws -> String? {
        let loop = try Loop()
        var event: RedisConnection.Event?
        var limits = RedisConnection.Limits()
        limits.silenceMilliseconds = milliseconds
        let connection = RedisConnection(loop: loop, endpoint: endpoint, limits: limits) { event = event ?? $0 }
        connection.start()
        #expect(loop.run(until: { event != nil }, timeoutMilliseconds: 20_000))
        connection.close()
        #expect(loop.close())
        if case .down(let reason) = event { return reason }
        return nil
    }

    @Test func commandsAndMessagesPass() throws {
        let site = try Site()
        let loop = try Loop()
        var isUp = false
        var messages: [[UInt8]] = []
        var isSubscribed = false
        let connection = RedisConnection(loop: loop, endpoint: try site.endpoint()) { _ in isUp = true }
        let subscription = RedisSubscription(
            loop: loop, endpoint: try site.endpoint("127.0.0.1"), channel: "news",
            onEvent: { isSubscribed = $0 == .subscribed }, onMessage: { messages.append($0) })
        connection.start()
        subscription.start()
        loop.expect({ isUp && isSubscribed && connection.isUp }, "both are up")
        let large = [UInt8](repeating: 42, count: 5_000_000)
        var replies: [RedisReply] = []
        for words in [[Array("SET".utf8), Array("k".utf8), large], [Array("GET".utf8), Array("k".utf8)]] {
            connection.send(words) { if case .success(let reply) = $0 { replies.append(reply) } }
        }
        connection.send([Array("PUBLISH".utf8), Array("news".utf8), Array("hello".utf8)]) { _ in }
        loop.expect({ replies.count == 2 && messages.count == 1 }, "replies and a message")
        #expect(replies.last == .bulk(large) && messages == [Array("hello".utf8)])
        connection.close()
        subscription.close()
        #expect(loop.close())
        site.server.end()
    }

    @Test func eachFaultIsExplained() throws {
        let site = try Site()
        let other = site.certificates.make("other")
        #expect(try reason(site.endpoint()) == nil)
        #expect(try reason(site.endpoint(trusting: other.certificate))?.contains("redis.ca") == true)
        // The system's authorities do not vouch for it.
        let system = try RedisEndpoint(url: "rediss://localhost:\(site.port)")
        #expect(try reason(system)?.contains("not trusted here") == true)
        #expect(try reason(site.endpoint(trusting: "/nowhere"))?.contains("/nowhere") == true)
        let plain = try RedisEndpoint(url: "redis://127.0.0.1:\(site.port)")
        #expect(try reason(plain)?.contains("write rediss://") == true)
        site.server.end()

        let named = try Site(names: "DNS:redis.example")
        #expect(try reason(named.endpoint())?.contains("is for another name") == true)
        named.server.end()

        let old = try Site(days: -1)
        #expect(try reason(old.endpoint())?.contains("has expired") == true)
        old.server.end()

        let strict = try Site(options: ["--tls-auth-clients", "yes"])
        #expect(try reason(strict.endpoint())?.contains("tls-auth-clients no") == true)
        strict.server.end()
    }

    @Test func aPortWithoutTLSIsNamed() throws {
        let port = try RedisCluster.freePorts(1)[0]
        let server = try RedisServer(["--port", "\(port)", "--bind", "127.0.0.1"])
        let found = try reason(RedisEndpoint(url: "rediss://127.0.0.1:\(port)"), milliseconds: 500)
        #expect(found?.contains("Write redis:// in the URL") == true || found?.contains("write redis://") == true)
        server.end()
    }

    /// The password is not sent before the server has proved its name.
    @Test func aPasswordWaitsForTheProof() throws {
        let certificates = try TestCertificates()
        let files = certificates.make("wrong", names: "DNS:other.example")
        let loop = try Loop()
        final class Server: StreamDelegate {
            var received: [UInt8] = []
            var isOver = false
            func stream(_ stream: EventLoop.Stream, received bytes: UnsafeRawBufferPointer) { received += bytes }
            func streamReachedEnd(_ stream: EventLoop.Stream) { isOver = true }
            func streamDrained(_ stream: EventLoop.Stream) {}
            func stream(_ stream: EventLoop.Stream, failed error: SystemError) { isOver = true }
        }
        let server = Server()
        let context = try TLSContext(server: ServerCertificate(files.read()))
        var streams: [EventLoop.Stream] = []
        let listener = try Listener(loop: loop, address: try #require(SocketAddress("127.0.0.1:0"))) {
            streams.append($0)
            $0.delegate = server
            $0.secure(asServer: context)
            $0.startReading()
        }
        let endpoint = try RedisEndpoint(
            url: "rediss://:password@127.0.0.1:\(listener.port)", authorities: files.certificate)
        var isDown = false
        let connection = RedisConnection(loop: loop, endpoint: endpoint) { _ in isDown = true }
        connection.start()
        loop.expect({ isDown && server.isOver }, "it is refused")
        #expect(server.received.isEmpty)
        connection.close()
        for stream in streams { stream.close() }
        listener.close()
        #expect(loop.close())
    }
}
