import EventLoop
import GatewayCore
import QueueCore

/// Dials workers and asks whether they are there. Both sides prove that they know the fleet's secret.
final class WorkerDialer: Dialer {
    private let loop: Loop
    private let fleet: String
    /// The secret that this gateway signs with; a worker answers with the same. A call keeps the secret that it began with.
    var secret: SigningKey
    private let resolver: Resolver
    private(set) var probes: [ProcessID: WorkerCall] = [:]

    init(loop: Loop, fleet: String, secret: SigningKey, resolver: Resolver? = nil) {
        self.loop = loop
        self.resolver = resolver ?? Resolver(loop: loop)
        self.fleet = fleet
        self.secret = secret
    }

    func dial(
        _ grant: Grant, _ bounds: SessionBounds, head: ForwardedHead, onConnecting: @escaping () -> Void,
        done: @escaping (DialOutcome<Stream>) -> Void
    ) -> any DialCall {
        let request = Wire.GrantRequest(
            fleet: fleet, worker: grant.worker, slot: grant.slot, lease: grant.lease, attach: grant.attach,
            token: grant.token, bounds: bounds, nonce: Crypto.randomHex(bytes: 16))
        let key = secret
        let signed = request.signed
        let line = Wire.line(signed: signed, mac: key.sign(signed))
        let bytes = Array(line.utf8) + head.composed(session: grant.lease.description)
        return WorkerCall(
            loop: loop, resolver: resolver, address: grant.address, request: bytes, onConnecting: onConnecting
        ) { [self] outcome in
            switch outcome {
            case .answer(.proof(let given), let stream, let rest) where matches(given, request.proofSigned, key):
                done(.proved(stream, rest: rest))
            case .answer(.reject(let reason, let given), let stream, _)
            where matches(given, request.rejectSigned(reason), key):
                stream.close()
                done(.failed(.rejected(reason), words: "the worker rejected it: \(reason.rawValue)"))
            case .answer(_, let stream, _):
                // Another process answers there. It has no slot of the fleet, so that its connection can be closed
                // before the verdict is in Redis.
                stream.close()
                done(.failed(.unreachable, words: WorkerDialer.unproved))
            case .unreachable(let words): done(.failed(.unreachable, words: words))
            case .closed: done(.failed(.unreachable, words: WorkerCall.closedWords))
            case .local(let words): done(.failed(.local, words: words))
            }
        }
    }

    enum ProbeOutcome {
        case alive
        case failed(words: String)
        /// This process had no descriptor left, or could not look up the name. That says nothing about the worker.
        case local(words: String)
    }

    /// Asks a worker whether it is there.
    func probe(_ worker: ProcessID, address: String, done: @escaping (ProbeOutcome) -> Void) {
        // Redis may ask for a probe again while one is under way. The one under way answers both.
        guard probes[worker] == nil else { return }
        let request = Wire.ProbeRequest(fleet: fleet, worker: worker, nonce: Crypto.randomHex(bytes: 16))
        let key = secret
        let signed = request.signed
        let line = Wire.line(signed: signed, mac: key.sign(signed))
        probes[worker] = WorkerCall(
            loop: loop, resolver: resolver, address: address, request: Array(line.utf8), onConnecting: {}
        ) { [self] outcome in
            probes.removeValue(forKey: worker)?.close()
            switch outcome {
            case .answer(.alive(let given), let stream, _) where matches(given, request.aliveSigned, key):
                stream.close()
                done(.alive)
            case .answer(_, let stream, _):
                stream.close()
                done(.failed(words: WorkerDialer.unproved))
            case .unreachable(let words): done(.failed(words: words))
            case .closed: done(.failed(words: WorkerCall.closedWords))
            case .local(let words): done(.local(words: words))
            }
        }
    }

    func close() {
        for call in probes.values { call.close() }
        probes = [:]
    }

    private static let unproved =
        "its answer proves nothing: another worker listens there, or NODE_SECRET differs between this gateway and that worker"

    private func matches(_ given: String, _ signed: String, _ key: SigningKey) -> Bool {
        Crypto.constantTimeEqual(given, key.sign(signed))
    }
}
