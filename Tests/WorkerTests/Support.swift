import EventLoop
import Queue
import QueueCore
import Testing
import WorkerCore

@testable import Worker

/// A program that answers each connection with the head it got, then echoes; its command line.
let echoSidecar = [
    "python3", "-u", "-c",
    """
    import socket, sys
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen()
    print(f"ws://127.0.0.1:{s.getsockname()[1]}/secret", flush=True)
    while True:
        c, _ = s.accept()
        got = b""
        while b"\\r\\n\\r\\n" not in got:
            more = c.recv(65536)
            if not more: break
            got += more
        if b"berth-probe" in got:
            c.sendall(b"HTTP/1.1 101 Probed\\r\\n\\r\\n")
            c.close()
            continue
        if b"X-Die: 1" in got: sys.exit(0)
        c.sendall(got)
        if b"X-Bye: 1" in got: got = b""
        if b"X-Last: 1" in got: sys.exit(0)
        while got:
            got = c.recv(65536)
            c.sendall(got)
        c.close()
    """,
]

/// A WebSocket client's head, as a gateway sends it.
let upgradeHead = """
    GET / HTTP/1.1\r
    Connection: Upgrade\r
    Upgrade: websocket\r
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
    Sec-WebSocket-Version: 13\r
    \r

    """

/// Passes the probes of sidecars that do not listen themselves.
final class ProbeStub {
    private var listener: Listener?
    private var streams: [Stream] = []
    let port: Int

    init(loop: Loop) throws {
        var accepted: (Stream) -> Void = { _ in }
        let listener = try Listener(loop: loop, address: SocketAddress("127.0.0.1:0")!) { accepted($0) }
        port = listener.port
        self.listener = listener
        accepted = { [unowned self] stream in
            streams.append(stream)
            stream.write("HTTP/1.1 101 Probed\r\n\r\n")
            stream.finish()
        }
    }

    func close() {
        listener?.close()
        listener = nil
        for stream in streams { stream.close() }
        streams = []
    }
}

/// Written to like `SlotRegistry`; answers accepts as it is told to.
final class LedgerRecord: SlotLedger {
    enum Entry: Hashable {
        case accept(LeaseID, Int, Token)
        case reject(LeaseID, Int, Token, RejectReason, Bool)
        case release(LeaseID, Int, Token)
        case keep(LeaseID, Int, Token, Int)
        case ready(Int, Token)
        case changed
    }
    private(set) var entries: [Entry] = []
    /// What `accept` answers; nil: nothing for now.
    var reply: AcceptReply? = .accepted()
    private(set) var unanswered: [(AcceptReply) -> Void] = []
    private let loop: Loop

    init(loop: Loop) { self.loop = loop }

    func accept(
        _ lease: LeaseID, slot: Int, token: Token, attach: Int, done: @escaping (AcceptReply) -> Void
    ) {
        entries.append(.accept(lease, slot, token))
        guard let reply else { return unanswered.append(done) }
        loop.afterThisTurn { done(reply) }
    }

    func proved(slot: Int) {}

    func reject(
        _ lease: LeaseID, slot: Int, token: Token, attach: Int, reason: RejectReason, slotFree: Bool
    ) {
        entries.append(.reject(lease, slot, token, reason, slotFree))
    }

    func release(_ lease: LeaseID, slot: Int, token: Token, isFit: Bool) {
        entries.append(.release(lease, slot, token))
        if isFit { entries.append(.ready(slot, token)) }
    }

    func keep(_ lease: LeaseID, slot: Int, token: Token, attach: Int) {
        entries.append(.keep(lease, slot, token, attach))
    }

    func ready(slot: Int, token: Token) { entries.append(.ready(slot, token)) }
    func changed() { entries.append(.changed) }

    func isReady(_ slot: Int, _ token: Token) -> Bool { entries.contains(.ready(slot, token)) }
}

/// The gateway's side of one connection: sends and collects.
final class Peer: StreamDelegate {
    private(set) var bytes: [UInt8] = []
    var text: String { String(decoding: bytes, as: UTF8.self) }
    private(set) var isEnded = false
    private(set) var stream: Stream?
    private var greeting: String

    init(loop: Loop, port: Int, greeting: String) {
        self.greeting = greeting
        Stream.connect(loop: loop, to: SocketAddress(host: "127.0.0.1", port: port)!, timeoutMilliseconds: 5_000) {
            guard case .success(let stream) = $0 else { return self.isEnded = true }
            self.stream = stream
            stream.delegate = self
            stream.startReading()
            stream.write(self.greeting)
        }
    }

    func write(_ text: String) { stream?.write(text) }
    func write(_ bytes: [UInt8]) { stream?.write(bytes) }
    func finish() { stream?.finish() }
    func close() { stream?.close() }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        self.bytes += bytes
    }
    func streamReachedEnd(_ stream: Stream) {
        isEnded = true
        stream.close()
    }
    func streamDrained(_ stream: Stream) {}
    func stream(_ stream: Stream, failed error: SystemError) { isEnded = true }
}

/// A board of slots behind a listener that takes grants, as a worker has them, without Redis.
final class Bench {
    static let secret = Array("secret".utf8)
    static let otherSecret = Array("older".utf8)
    static let head = "GET /?a=b HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"

    let loop: Loop
    let ledger: LedgerRecord
    let board: SlotBoard
    let id: ProcessID
    let folder: String
    private(set) var listener: Listener!
    private(set) var lines: [String] = []
    private(set) var door: GatewayDoor!
    let stub: ProbeStub

    /// - Parameters:
    ///   - command: `STUB` in it is the address of something that passes probes.
    ///   - leave: what a sidecar that ends its client's connection has for its exit; long where a test is about that
    ///     exit, however busy the machine is.
    convenience init(
        slots: Int = 1, seating: Seating = Seating(), command: [String] = echoSidecar, leave: UInt64 = 20,
        startTimeout: UInt64 = 30_000,
        firstByte: UInt64 = 10_000, connectionsMax: Int = 1_024
    ) throws {
        try self.init(
            PoolPlan(pool: Pool("a|||raw")!, slots: slots, seating: seating), leave: leave, startTimeout: startTimeout,
            firstByte: firstByte, connectionsMax: connectionsMax
        ) { stub in
            CommandKind(command.map { $0.replacing("STUB", with: "127.0.0.1:\(stub.port)") })
        }
    }

    init(
        _ plan: PoolPlan, leave: UInt64 = 20, startTimeout: UInt64 = 30_000, firstByte: UInt64 = 10_000,
        connectionsMax: Int = 1_024, kind: (ProbeStub) -> any SidecarKind
    ) throws {
        loop = try Loop()
        stub = try ProbeStub(loop: loop)
        ledger = LedgerRecord(loop: loop)
        id = ProcessID(node: "bench-\(Crypto.randomHex(bytes: 4))", generation: Crypto.randomUInt64())!
        folder = SidecarMark(id).folder(in: "/tmp")
        #expect(Files.makeFolder(folder))
        var write: (String) -> Void = { _ in }
        let log = WorkerLog(EventLog { write(String(decoding: $0, as: UTF8.self)) })
        let pools = [WorkerPool(plan, kind: kind(stub))]
        let host = LocalSidecars(
            pools, loop: loop, folder: folder,
            environment: SidecarEnvironment.inherited().merging(SidecarMark(id).environment) { _, new in new })
        board = SlotBoard(
            pools: [plan], ledger: ledger,
            around: SidecarContext(
                clock: loop, host: host, events: log, leaveMilliseconds: leave,
                startTimeoutMilliseconds: startTimeout))
        write = { [unowned self] in self.lines.append($0) }
        let credentials = Credentials(
            fleet: "f", worker: id, secrets: [Bench.secret, Bench.otherSecret].map(SigningKey.init))
        door = GatewayDoor(loop: loop, credentials: credentials, connectionsMax: connectionsMax, events: log) {
            [unowned self] grant, secret, head, stream in
            guard let (pool, place) = pools.place(of: grant.slot) else { return stream.close() }
            board.present(
                pool.kind.session(
                    GrantedConnection(
                        grant: grant, secret: secret, head: head, gateway: stream, firstByteMilliseconds: firstByte,
                        place: place)))
        }
        listener = try Listener(loop: loop, address: SocketAddress("127.0.0.1:0")!) { [unowned self] in
            door.accepted($0)
        }
    }

    func wait(_ condition: () -> Bool, _ location: SourceLocation = #_sourceLocation) {
        let holds = loop.run(until: condition, timeoutMilliseconds: 20_000)
        #expect(holds, "\(ledger.entries) \(lines)", sourceLocation: location)
    }

    func startAll() {
        board.start()
        wait { self.board.table.indices.allSatisfy { self.ledger.isReady($0, .none) } }
    }

    func grant(
        _ number: Int64, lease: LeaseID? = nil, slot: Int = 0, bounds: SessionBounds = .none
    ) -> Wire.GrantRequest {
        Wire.GrantRequest(
            fleet: "f", worker: id, slot: slot,
            lease: lease ?? LeaseID(waiter: WaiterID(high: 0, low: UInt64(number)), attempt: 1), attach: 1,
            token: Token(epoch: 1, number: number), bounds: bounds, nonce: Crypto.randomHex(bytes: 16))
    }

    func line(_ grant: Wire.GrantRequest, secret: [UInt8] = Bench.secret) -> String {
        Wire.line(signed: grant.signed, mac: SigningKey(secret).sign(grant.signed))
    }

    func dial(_ grant: Wire.GrantRequest, head: String = Bench.head, secret: [UInt8] = Bench.secret) -> Peer {
        Peer(loop: loop, port: listener.port, greeting: line(grant, secret: secret) + head)
    }

    func proof(_ grant: Wire.GrantRequest, secret: [UInt8] = Bench.secret) -> String {
        Wire.proofLine(mac: SigningKey(secret).sign(grant.proofSigned))
    }

    func rejection(_ grant: Wire.GrantRequest, _ reason: RejectReason) -> String {
        Wire.rejectLine(reason, mac: SigningKey(Bench.secret).sign(grant.rejectSigned(reason)))
    }

    /// No process bears this worker's mark.
    func expectNothingLeft(_ location: SourceLocation = #_sourceLocation) {
        for row in ProcessTable.rows() {
            let mark = Leftovers.marks(of: row.pid)?[SidecarMark.instanceKey]
            #expect(mark?.hasPrefix(folder) != true, "process \(row.pid) was left behind", sourceLocation: location)
        }
    }

    /// Ends everything and looks for what was left open.
    func close() {
        board.closeAll(reason: "test")
        board.drain()
        wait { self.board.isStopped }
        door.close()
        listener.close()
        stub.close()
        #expect(Files.entries(folder) == [])
        Files.remove(folder)
        // Farewells have a timer.
        loop.run()
        #expect(loop.close())
    }
}
