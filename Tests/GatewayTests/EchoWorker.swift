import EventLoop
import Queue
import QueueCore
import RedisClient

/// A worker of one pool, `echo`, whose sessions echo; each slot may be told to behave badly.
final class EchoWorker {
    enum Manner { case serve, sayNothing, refuse(RejectReason), hangUp }

    let registry: SlotRegistry
    var manner = Manner.serve
    private(set) var isAvailable = false
    private(set) var calls = 0
    private(set) var heads: [String] = []
    private let loop: Loop
    private var listener: Listener?
    private let slots: Int
    fileprivate var last: [Token]
    fileprivate var serving: [Int: (lease: LeaseID, token: Token)] = [:]

    /// - Parameter isListening: false for a worker whose address nobody answers.
    init(loop: Loop, redis: RedisEndpoint, node: String, slots: Int = 1) throws {
        self.loop = loop
        self.slots = slots
        last = Array(repeating: .none, count: slots)
        final class Box { var accept: ((Stream) -> Void)? }
        let box = Box()
        let listener = try Listener(loop: loop, address: SocketAddress(host: "127.0.0.1", port: 0)!) { box.accept?($0) }
        let pool = Pool(label: Label("echo")!, browser: "", version: "", slotProtocol: .raw)!
        registry = SlotRegistry(
            loop: loop, endpoint: redis, fleet: "test", node: node, address: "127.0.0.1:\(listener.port)",
            port: listener.port, pools: Array(repeating: pool, count: slots), version: "test")!
        self.listener = listener
        registry.delegate = self
        box.accept = { [unowned self] in
            calls += 1
            let call = Call($0, worker: self)
            $0.delegate = call
            $0.startReading()
        }
    }

    func start() { registry.start() }

    /// Its address answers no more.
    func vanish() {
        listener?.close()
        listener = nil
    }

    fileprivate func offered(_ grant: Wire.GrantRequest, head: String, on stream: Stream, secret: [UInt8]) {
        heads.append(head)
        guard case .serve = manner else {
            if case .refuse(let reason) = manner {
                registry.reject(grant.lease, slot: grant.slot, token: grant.token, reason: reason, slotFree: false)
                last[grant.slot] = grant.token
                registry.ready(slot: grant.slot, token: grant.token)
                stream.write(
                    Wire.rejectLine(reason, mac: SigningKey(secret).sign(grant.rejectSigned(reason))))
                stream.finish()
            } else if case .hangUp = manner {
                stream.close()
            }
            return
        }
        guard serving[grant.slot] == nil, grant.token > last[grant.slot] else { return stream.close() }
        last[grant.slot] = grant.token
        serving[grant.slot] = (grant.lease, grant.token)
        registry.accept(grant.lease, slot: grant.slot, token: grant.token) { [self] reply in
            guard case .accepted = reply else {
                serving[grant.slot] = nil
                return stream.close()
            }
            stream.write(Wire.proofLine(mac: SigningKey(secret).sign(grant.proofSigned)))
            stream.write("HTTP/1.1 101 Switching Protocols\r\n\r\n")
        }
    }

    fileprivate func ended(_ slot: Int) {
        guard let (lease, token) = serving.removeValue(forKey: slot) else { return }
        registry.release(lease, slot: slot, token: token)
        registry.ready(slot: slot, token: token)
    }

    /// One connection from a gateway.
    private final class Call: StreamDelegate {
        private unowned let worker: EchoWorker
        private let stream: Stream
        private var bytes: [UInt8] = []
        private var slot: Int?

        init(_ stream: Stream, worker: EchoWorker) {
            self.stream = stream
            self.worker = worker
        }

        func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
            if slot != nil { return stream.write(bytes) }
            self.bytes += bytes
            let text = String(decoding: self.bytes, as: UTF8.self)
            guard let end = text.firstIndex(of: "\r\n") else { return }
            let secret = Array("secret".utf8)
            switch Wire.request(line: String(text[..<end])) {
            case .probe(let probe, _):
                stream.write(Wire.aliveLine(mac: SigningKey(secret).sign(probe.aliveSigned)))
            case .grant(let grant, _) where text.hasSuffix("\r\n\r\n"):
                slot = grant.slot
                worker.offered(
                    grant, head: String(text[text.index(after: end)...]), on: stream, secret: secret)
            default: break
            }
        }

        func streamReachedEnd(_ stream: Stream) { end() }
        func streamDrained(_ stream: Stream) {}
        func stream(_ stream: Stream, failed error: SystemError) { end() }

        private func end() {
            stream.close()
            if let slot { worker.ended(slot) }
        }
    }
}

extension EchoWorker: SlotRegistryDelegate {
    func slotRegistryTrouble(_ registry: SlotRegistry) -> String { "" }

    func slotRegistryRows(_ registry: SlotRegistry) -> [SlotRow] {
        (0..<slots).map { slot in
            let held = serving[slot]
            return SlotRow(slot: slot, state: held == nil ? .free : .leased, lease: held?.lease, token: last[slot])
        }
    }
    func slotRegistry(_ registry: SlotRegistry, close lease: LeaseID, reason: String) {}
    func slotRegistry(_ registry: SlotRegistry, recycle slot: Int, token: Token) {
        last[slot] = max(last[slot], token)
        if serving[slot] == nil { registry.ready(slot: slot, token: token) }
    }
    func slotRegistryLicenceOver(_ registry: SlotRegistry) {}
    func slotRegistryDrain(_ registry: SlotRegistry) {}
    func slotRegistrySuperseded(_ registry: SlotRegistry) {}
    func slotRegistry(_ registry: SlotRegistry, available: Bool) { isAvailable = available }
    func slotRegistry(_ registry: SlotRegistry, notice: String) {}
}
