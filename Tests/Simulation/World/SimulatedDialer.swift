import Gateway
import GatewayCore
import QueueCore
import SimulationChecks

extension PipeEnd: WorkerConnection {}

/// Dials workers for the waits and the attachments of a gateway.
final class SimulatedDialer: Dialer {
    private unowned let gateway: SimulatedGateway

    init(_ gateway: SimulatedGateway) { self.gateway = gateway }

    func dial(
        _ grant: Grant, _ bounds: SessionBounds, head: ForwardedHead, onConnecting: @escaping () -> Void,
        done: @escaping (DialOutcome<PipeEnd>) -> Void
    ) -> any DialCall {
        guard let client = gateway.client(of: grant.lease.waiter) ?? gateway.client(attachingTo: grant.lease) else {
            preconditionFailure("only waits and attachments dial")
        }
        let world = gateway.world
        let nonce = world.nonce()
        let request = Wire.GrantRequest(
            fleet: world.fleetName, worker: grant.worker, slot: grant.slot, lease: grant.lease, attach: grant.attach,
            token: grant.token, nonce: nonce)
        world.ledger.note(.dialed(gateway: gateway.id, worker: grant.worker, lease: grant.lease))
        let call = SimulatedCall(
            gateway.process, exchange: world.exchange, address: grant.address, nonce: nonce,
            message: .grant(request, client: client.id), onConnecting: onConnecting
        ) { outcome in
            switch outcome {
            case .proved(let end): done(.proved(end, rest: []))
            case .alive: done(.failed(.unreachable, words: "it answers as to a probe"))
            case .failed(let failure): done(.failed(failure, words: "\(failure)"))
            }
        }
        return world.plants(.hangUpBeforeVerdict) ? HastyCall(call) : call
    }
}

extension SimulatedCall: DialCall {}

/// The planted bug that a dial is closed before its verdict stands in Redis.
private final class HastyCall: DialCall {
    private let call: SimulatedCall

    init(_ call: SimulatedCall) { self.call = call }

    func abandon() { call.close() }
    func close() { call.close() }
}
