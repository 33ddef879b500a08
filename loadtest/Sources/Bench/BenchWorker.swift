import ArgumentParser
import EventLoop
import Glibc
import Queue
import QueueCore
import RedisClient

/// A worker without sidecars: it registers, answers probes, accepts grants, and echoes the bytes of its sessions by
/// itself. So a gateway is measured alone, and does all that it does with a real worker.
struct BenchWorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Takes a gateway's grants and serves them as the peer would.")

    @Option(help: "The URL of Redis.")
    var redis: String

    @Option(help: "The fleet.")
    var fleet: String

    @Option(help: "The secret shared with the gateway: a file.")
    var nodeSecretFile: String

    @Option(help: "The pool's label.")
    var pool = "bench"

    @Option(help: "How many slots.")
    var slots = 1

    func run() throws {
        let loop = try Loop()
        let endpoint = try RedisEndpoint(url: redis)
        // A pool without browser and version, for any client.
        guard let pool = Pool("\(pool)|||\(SlotProtocol.raw.rawValue)") else { throw BenchError("not a pool: \(pool)") }
        let worker = try BenchWorker(loop: loop, secret: SigningKey(BenchWorkerCommand.secret(in: nodeSecretFile)))
        try worker.start(endpoint: endpoint, fleet: fleet, pools: Array(repeating: pool, count: slots))
        loop.run()
    }

    /// The file's bytes without the line end, as gateways read them.
    private static func secret(in path: String) throws -> [UInt8] {
        guard let bytes = Files.readBytes(path, bytesMax: 4_096) else { throw BenchError("cannot read \(path)") }
        return bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes
    }
}

final class BenchWorker: SlotRegistryDelegate {
    private struct Slot {
        var token = Token.none
        var lease: LeaseID?
    }

    private let loop: Loop
    private let secret: SigningKey
    private let chunk = BenchPeer.chunk()
    private var slots: [Slot] = []
    private var registry: SlotRegistry?
    private var listener: Listener?
    private var callers: [ObjectIdentifier: BenchCaller] = [:]
    private var peers: [ObjectIdentifier: BenchPeer] = [:]

    init(loop: Loop, secret: SigningKey) {
        self.loop = loop
        self.secret = secret
    }

    func start(endpoint: RedisEndpoint, fleet: String, pools: [Pool]) throws {
        slots = Array(repeating: Slot(), count: pools.count)
        let listener = try Listener(loop: loop, address: SocketAddress("127.0.0.1:0")!) { [unowned self] stream in
            let caller = BenchCaller(stream: stream) { [unowned self] in answer($0, $1, $2, rest: $3) }
            callers[ObjectIdentifier(caller)] = caller
        }
        self.listener = listener
        registry = SlotRegistry(
            loop: loop, endpoint: endpoint, fleet: fleet, node: "bench",
            address: "127.0.0.1:\(listener.port)", port: listener.port, pools: pools, version: "bench")
        registry?.delegate = self
        registry?.start()
    }

    private func answer(_ caller: BenchCaller, _ stream: Stream, _ request: Wire.Request?, rest: [UInt8]) {
        callers[ObjectIdentifier(caller)] = nil
        switch request {
        case .probe(let probe, _):
            stream.write(Wire.aliveLine(mac: secret.sign(probe.aliveSigned)))
            stream.finish()
            loop.schedule(after: 100) { stream.close() }
        case .grant(let grant, _):
            slots[grant.slot] = Slot(token: grant.token, lease: grant.lease)
            registry?.accept(grant.lease, slot: grant.slot, token: grant.token) { [self] reply in
                guard case .accepted = reply else { return stream.close() }
                stream.write(Wire.proofLine(mac: secret.sign(grant.proofSigned)))
                serve(stream, grant, head: rest)
            }
        case nil: stream.close()
        }
    }

    private func serve(_ stream: Stream, _ grant: Wire.GrantRequest, head: [UInt8]) {
        let peer = BenchPeer(stream: stream, chunk: chunk, head: head) { [self] in
            peers[ObjectIdentifier($0)] = nil
            slots[grant.slot].lease = nil
            registry?.release(grant.lease, slot: grant.slot, token: grant.token)
            registry?.ready(slot: grant.slot, token: grant.token)
        }
        peers[ObjectIdentifier(peer)] = peer
    }

    func slotRegistryTrouble(_ registry: SlotRegistry) -> String { "" }

    func slotRegistryRows(_ registry: SlotRegistry) -> [SlotRow] {
        slots.enumerated().map { index, slot in
            SlotRow(slot: index, state: slot.lease == nil ? .free : .leased, lease: slot.lease, token: slot.token)
        }
    }

    func slotRegistry(_ registry: SlotRegistry, recycle slot: Int, token: Token) {
        slots[slot].token = max(slots[slot].token, token)
        if slots[slot].lease == nil { registry.ready(slot: slot, token: token) }
    }

    func slotRegistry(_ registry: SlotRegistry, available: Bool) {
        if available { BenchCommand.say("{\"event\":\"registered\"}") }
    }

    func slotRegistry(_ registry: SlotRegistry, close lease: LeaseID, reason: String) {}
    func slotRegistryLicenceOver(_ registry: SlotRegistry) {}
    func slotRegistryDrain(_ registry: SlotRegistry) {}
    func slotRegistrySuperseded(_ registry: SlotRegistry) {}
    func slotRegistry(_ registry: SlotRegistry, notice: String) {}
}

/// A gateway's connection until its first line was read, and after a grant the client's head too.
private final class BenchCaller: StreamDelegate {
    private let onRequest: (BenchCaller, Stream, Wire.Request?, [UInt8]) -> Void
    private var bytes: [UInt8] = []

    init(stream: Stream, onRequest: @escaping (BenchCaller, Stream, Wire.Request?, [UInt8]) -> Void) {
        self.onRequest = onRequest
        stream.delegate = self
        stream.startReading()
    }

    func stream(_ stream: Stream, received more: UnsafeRawBufferPointer) {
        bytes += more
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")), end > 0 else { return }
        let request = Wire.request(line: String(decoding: bytes[..<(end - 1)], as: UTF8.self))
        if case .grant = request, !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) { return }
        stream.stopReading()
        onRequest(self, stream, request, Array(bytes[(end + 1)...]))
    }

    func streamDrained(_ stream: Stream) {}
    func streamReachedEnd(_ stream: Stream) { onRequest(self, stream, nil, []) }
    func stream(_ stream: Stream, failed error: SystemError) { onRequest(self, stream, nil, []) }
}
