import EventLoop
import GatewayCore
import QueueCore
import RedisClient
import Testing

@testable import Gateway

/// A gateway whose Redis does not exist, on a loop of the test's own.
final class Stand {
    let loop: Loop
    let server: GatewayServer
    private(set) var lines: [String] = []

    init(
        tenancy: Tenancy = Tenancy(tenants: []), tls: CertificateFiles? = nil, drainTimeoutMilliseconds: UInt64 = 50,
        set: (GatewayServer) -> Void = { _ in }
    ) throws {
        loop = try Loop()
        final class Box { var lines: [String] = [] }
        let box = Box()
        let settings = GatewaySettings(
            listen: SocketAddress(host: "127.0.0.1", port: 0)!, tls: tls, fleet: "test", node: "gw",
            redis: try RedisEndpoint(url: "unix:///nonexistent/berth-test.sock"), secrets: [Array("secret".utf8)],
            tenancy: tenancy, drainTimeoutMilliseconds: drainTimeoutMilliseconds)
        server = try GatewayServer(
            loop: loop, settings: settings,
            log: EventLog(minimum: .debug) { box.lines.append(String(decoding: $0, as: UTF8.self)) })
        set(server)
        try server.start()
        read = { box.lines }
    }

    private var read: () -> [String] = { [] }
    func logged(_ event: String) -> [String] { read().filter { $0.contains("\"event\":\"\(event)\"") } }

    /// - Parameter authority: what the client trusts; nil for a plain connection.
    func connect(trusting authority: String? = nil) -> Visitor {
        let visitor = Visitor()
        Stream.connect(
            loop: loop, to: SocketAddress(host: "127.0.0.1", port: server.port)!, timeoutMilliseconds: 5_000
        ) { visitor.connected($0) }
        #expect(loop.run(until: { visitor.stream != nil }, timeoutMilliseconds: 5_000))
        if let authority, let context = try? TLSContext(trusting: authority) {
            visitor.stream?.secure(asClient: context, of: TLSPeer("127.0.0.1"))
        }
        return visitor
    }

    /// Sends one text and waits for the end of the answer.
    func ask(_ text: String, trusting authority: String? = nil) -> Visitor {
        let visitor = connect(trusting: authority)
        visitor.stream?.write(text)
        #expect(loop.run(until: { visitor.isEnded }, timeoutMilliseconds: 5_000), "no end: \(text)")
        return visitor
    }

    /// Drains, and asserts that nothing was left open.
    func end(_ visitors: Visitor...) {
        for visitor in visitors { visitor.stream?.close() }
        var isDone = false
        server.drain { isDone = true }
        #expect(loop.run(until: { isDone }, timeoutMilliseconds: 10_000))
        #expect(loop.close())
    }
}

/// A client's side of one connection.
final class Visitor: StreamDelegate {
    private(set) var stream: Stream?
    private(set) var received: [UInt8] = []
    private(set) var isEnded = false
    private(set) var error: SystemError?

    var text: String { String(decoding: received, as: UTF8.self) }
    var isOpen: Bool { stream?.isClosed == false }
    var status: Int? { Int(text.dropFirst("HTTP/1.1 ".count).prefix(3)) }

    func connected(_ result: Result<Stream, SystemError>) {
        guard case .success(let stream) = result else { return }
        self.stream = stream
        stream.delegate = self
        stream.startReading()
    }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) { received += bytes }
    func streamReachedEnd(_ stream: Stream) { isEnded = true }
    func streamDrained(_ stream: Stream) {}
    func stream(_ stream: Stream, failed error: SystemError) {
        self.error = error
        isEnded = true
    }
}

let playwrightHead =
    "GET / HTTP/1.1\r\nUser-Agent: Playwright/1.65.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nHost: 127.0.0.1\r\n\r\n"
