import GatewayCore
import HTTPCore
import QueueCore
import Testing

@testable import EventLoop
@testable import Gateway

/// A worker's end of a call: it reads one line and answers as told.
private final class FakeWorker: StreamDelegate {
    enum Manner: Sendable { case prove, proveWithWrongSecret, reject, alive, sayNothing, close, reset, garbage, flood }

    let manner: Manner
    var bytes: [UInt8] = []
    var streams: [Stream] = []
    var isEnded = false

    init(_ manner: Manner) { self.manner = manner }

    func accept(_ stream: Stream) {
        streams.append(stream)
        stream.delegate = self
        stream.startReading()
    }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        self.bytes += bytes
        guard let end = self.bytes.firstIndex(of: 0x0A),
            let request = Wire.request(line: String(decoding: self.bytes[..<(end - 1)], as: UTF8.self))
        else { return }
        func mac(_ text: String) -> String {
            SigningKey(Array((manner == .proveWithWrongSecret ? "wrong" : "secret").utf8)).sign(text)
        }
        switch (manner, request) {
        case (.prove, .grant(let grant, _)), (.proveWithWrongSecret, .grant(let grant, _)):
            stream.write(Wire.proofLine(mac: mac(grant.proofSigned)) + "HTTP/1.1 101")
        case (.reject, .grant(let grant, _)):
            stream.write(Wire.rejectLine(.occupied, mac: mac(grant.rejectSigned(.occupied))))
        case (.alive, .probe(let probe, _)), (.proveWithWrongSecret, .probe(let probe, _)):
            stream.write(Wire.aliveLine(mac: mac(probe.aliveSigned)))
        case (.close, _): stream.close()
        case (.reset, _): stream.reset()
        case (.garbage, _): stream.write("HTTP/1.1 400 Bad Request\r\n\r\n")
        case (.flood, _): stream.write(String(repeating: "a", count: 5_000))
        default: break
        }
    }

    func streamReachedEnd(_ stream: Stream) {
        isEnded = true
        stream.close()
    }
    func streamDrained(_ stream: Stream) {}
    func stream(_ stream: Stream, failed error: SystemError) { isEnded = true }
}

@Suite struct WorkerDialerTests {
    private let worker = ProcessID(node: "w", generation: 1)!

    private func grant(_ address: String) -> Grant {
        Grant(
            lease: LeaseID(waiter: WaiterID(high: 1, low: 2), attempt: 1), worker: worker, slot: 3, address: address,
            pool: "A|||raw", token: Token(epoch: 1, number: 9))
    }

    private func head() throws -> ForwardedHead {
        var parser = HeadParser()
        guard case .head(let head, _) = parser.feed(Array(playwrightHead.utf8)) else { throw GatewayFailure("no head") }
        let admission = Admission(tenancy: Tenancy(tenants: []), defaultBrowser: "chromium")
        guard case .visit(let visit) = try admission.read(RequestReader.Request(head: head)),
            case .wait(let request) = try admission.admit(visit, keyHash: nil, peer: "127.0.0.1")
        else { throw GatewayFailure("no visit") }
        return request.head
    }

    @Test(arguments: [
        (FakeWorker.Manner.prove, "proved"), (.proveWithWrongSecret, "unreachable"), (.reject, "rejected(occupied)"),
        (.sayNothing, "unreachable"), (.close, "unreachable"), (.reset, "unreachable"), (.garbage, "unreachable"),
        (.flood, "unreachable"), (.alive, "unreachable"),
    ])
    private func dials(_ manner: FakeWorker.Manner, _ expected: String) throws {
        let loop = try Loop()
        let fake = FakeWorker(manner)
        let listener = try Listener(loop: loop, address: SocketAddress(host: "127.0.0.1", port: 0)!) { fake.accept($0) }
        let dialer = WorkerDialer(loop: loop, fleet: "f", secret: SigningKey(Array("secret".utf8)))
        var outcome: String?
        var began = 0
        var proved: Stream?
        let call = dialer.dial(
            grant("127.0.0.1:\(listener.port)"), .none, head: try head(), onConnecting: { began += 1 }
        ) { result in
            switch result {
            case .proved(let stream, let rest):
                proved = stream
                #expect(String(decoding: rest, as: UTF8.self) == "HTTP/1.1 101")
                outcome = "proved"
            case .failed(.rejected(let reason), _): outcome = "rejected(\(reason))"
            case .failed(let failure, _): outcome = "\(failure)"
            }
        }
        #expect(began == 1)
        #expect(loop.run(until: { outcome != nil }, timeoutMilliseconds: 5_000))
        #expect(outcome == expected)
        let request = String(decoding: fake.bytes, as: UTF8.self)
        #expect(request.hasPrefix("BERTH1 GRANT f \(worker) 3 \(grant("").lease) 1 1 9 "))
        #expect(request.hasSuffix("x-berth-session: \(grant("").lease)\r\n\r\n"))
        call.close()
        proved?.close()
        #expect(loop.run(until: { fake.isEnded || manner == .close || manner == .reset }, timeoutMilliseconds: 5_000))
        for stream in fake.streams { stream.close() }
        listener.close()
        #expect(loop.close())
    }

    @Test func keepsTheConnectionUntilItIsClosed() throws {
        let loop = try Loop()
        let fake = FakeWorker(.sayNothing)
        let listener = try Listener(loop: loop, address: SocketAddress(host: "127.0.0.1", port: 0)!) { fake.accept($0) }
        let dialer = WorkerDialer(loop: loop, fleet: "f", secret: SigningKey(Array("secret".utf8)))
        let call = dialer.dial(grant("127.0.0.1:\(listener.port)"), .none, head: try head(), onConnecting: {}) { _ in
            Issue.record("an abandoned call told its outcome")
        }
        #expect(loop.run(until: { !fake.bytes.isEmpty }, timeoutMilliseconds: 5_000))
        call.abandon()
        #expect(!loop.run(until: { fake.isEnded }, timeoutMilliseconds: 50))
        call.close()
        #expect(loop.run(until: { fake.isEnded }, timeoutMilliseconds: 5_000))
        listener.close()
        #expect(loop.close())
    }

    @Test(arguments: ["127.0.0.1:1", "nowhere", "localhost:1"])
    func findsUnreachable(_ address: String) throws {
        let loop = try Loop()
        let dialer = WorkerDialer(loop: loop, fleet: "f", secret: SigningKey([]))
        var failure: Dial.Failure?
        let call = dialer.dial(grant(address), .none, head: try head(), onConnecting: {}) { result in
            if case .failed(let why, _) = result { failure = why }
        }
        #expect(loop.run(until: { failure != nil }, timeoutMilliseconds: 10_000))
        #expect(failure == .unreachable)
        call.close()
        #expect(loop.close())
    }

    /// Dials a worker by a name, whose addresses the test gives; nil: the name server says nothing.
    private func dial(
        port: Int, _ loop: Loop, _ answer: Result<[String], SystemError>?
    ) throws -> (DialOutcome<Stream>?, lookups: Int) {
        var lookups = 0
        let resolver = Resolver(loop: loop) { _, done in
            lookups += 1
            guard let answer else { return }
            loop.afterThisTurn { done(answer.map { $0.compactMap { SocketAddress(host: $0, port: 0) } }) }
        }
        let dialer = WorkerDialer(loop: loop, fleet: "f", secret: SigningKey(Array("secret".utf8)), resolver: resolver)
        var outcome: DialOutcome<Stream>?
        var began = 0
        let call = dialer.dial(grant("worker:\(port)"), .none, head: try head(), onConnecting: { began += 1 }) {
            outcome = $0
        }
        #expect(loop.run(until: { outcome != nil }, timeoutMilliseconds: 10_000))
        let isFound = if case .success? = answer { true } else { false }
        #expect(began == (isFound ? 1 : 0))
        call.close()
        return (outcome, lookups)
    }

    @Test func eachAddressOfANameIsTried() throws {
        let loop = try Loop()
        let fake = FakeWorker(.prove)
        let listener = try Listener(loop: loop, address: SocketAddress(host: "127.0.0.1", port: 0)!) { fake.accept($0) }
        let (outcome, _) = try dial(port: listener.port, loop, .success(["127.0.0.2", "127.0.0.1"]))
        guard case .proved(let stream, _)? = outcome else {
            Issue.record("\(String(describing: outcome))")
            return
        }
        stream.close()
        for stream in fake.streams { stream.close() }
        listener.close()
        #expect(loop.close())
    }

    /// libuv's numbers for: try again, failed, no memory, unknown name.
    @Test(arguments: [
        (-3001, Dial.Failure.local), (-3004, .local),
        (-3006, .local), (-3008, .unreachable),
    ])
    private func aLookupThatFailsIsTheGatewaysOwn(code: Int, expected: Dial.Failure) throws {
        let loop = try Loop()
        let (outcome, _) = try dial(port: 1, loop, .failure(SystemError(code: Int32(code), operation: "resolve")))
        guard case .failed(let failure, let words)? = outcome else {
            Issue.record("\(String(describing: outcome))")
            return
        }
        #expect(failure == expected && words.contains("worker"))
        #expect(loop.close())
    }

    @Test func aNameServerThatIsSilentIsNotTheWorkersFault() throws {
        let loop = try Loop()
        let (outcome, _) = try dial(port: 1, loop, nil)
        guard case .failed(.local, let words)? = outcome else {
            Issue.record("\(String(describing: outcome))")
            return
        }
        #expect(words.contains("not resolved"))
        #expect(loop.close())
    }

    @Test func aWorkerThatSaysNothingAndClosesIsExplained() throws {
        let loop = try Loop()
        let fake = FakeWorker(.close)
        let listener = try Listener(loop: loop, address: SocketAddress(host: "127.0.0.1", port: 0)!) { fake.accept($0) }
        let (outcome, _) = try dial(port: listener.port, loop, .success(["127.0.0.1"]))
        guard case .failed(.unreachable, let words)? = outcome else {
            Issue.record("\(String(describing: outcome))")
            return
        }
        #expect(words.contains("without an answer") && words.contains("NODE_SECRET"))
        listener.close()
        #expect(loop.close())
    }

    @Test(arguments: [
        (FakeWorker.Manner.alive, true), (.proveWithWrongSecret, false), (.close, false), (.garbage, false),
        (.sayNothing, false),
    ])
    private func probes(_ manner: FakeWorker.Manner, _ passes: Bool) throws {
        let loop = try Loop()
        let fake = FakeWorker(manner)
        let listener = try Listener(loop: loop, address: SocketAddress(host: "127.0.0.1", port: 0)!) { fake.accept($0) }
        let dialer = WorkerDialer(loop: loop, fleet: "f", secret: SigningKey(Array("secret".utf8)))
        var passed: Bool?
        for _ in 0..<2 {
            dialer.probe(worker, address: "127.0.0.1:\(listener.port)") { outcome in
                if case .alive = outcome { passed = true } else { passed = false }
            }
        }
        #expect(loop.run(until: { passed != nil }, timeoutMilliseconds: 5_000))
        #expect(passed == passes)
        #expect(fake.streams.count == 1)
        for stream in fake.streams { stream.close() }
        listener.close()
        dialer.close()
        #expect(loop.close())
    }
}
