import EventLoop
import Gateway
import GatewayCore
import QueueCore
import SimulationChecks

/// A client's connection at its gateway, as `ClientConnection` is one: the owner of its wait, and its session.
final class SimulatedClientConnection: WaitOwner {
    private unowned let gateway: SimulatedGateway
    unowned let client: SimulatedClient
    private(set) var wait: WaitDriver<PipeEnd>?
    private var expiry: ProcessTimer?
    private var session: PipeEnd?
    /// Its wait or its session has ended.
    private var isOver = false

    init(_ client: SimulatedClient, gateway: SimulatedGateway) {
        self.client = client
        self.gateway = gateway
    }

    private var process: SimulatedProcess { gateway.process }
    private var world: World { gateway.world }

    func begin() {
        client.connection = self
        let deadline = UInt64(client.deadline / 1_000)
        let wait = WaitDriver(client.plan.request, owner: self, table: gateway.waits, deadline: deadline)
        self.wait = wait
        expire(at: wait.nextCheck)
        wait.begin()
    }

    /// - Parameter check: milliseconds of the simulated clock.
    private func expire(at check: UInt64) {
        expiry = process.schedule(after: max(0, Int64(check) * 1_000 - process.timeline.now)) { [weak self] in
            guard let self, !isOver, session == nil, let wait else { return }
            wait.deadlinePassed()
            if !isOver { expire(at: wait.nextCheck) }
        }
    }

    func clientLeft() {
        if let session { return sessionEnded(session, byClient: true) }
        wait?.clientLeft()
    }

    // MARK: what became of its wait

    func waitEnded(_ refusal: Refusal?) {
        guard case .ended(let why)? = wait?.machine.state else { preconditionFailure("only a wait that ended is told") }
        over(.refused(String(describing: why)))
    }

    func workerProved(_ worker: PipeEnd, of lease: LeaseID, rest: [UInt8]) {
        guard case .active(let lease)? = wait?.machine.state else { preconditionFailure("a proof is of a lease") }
        session = worker
        expiry?.cancel()
        worker.onEnd = { [self] in sessionEnded(worker, byClient: false) }
        world.ledger.note(.relayBegan(client: client.id, lease: lease))
        client.served(through: worker)
    }

    func slotLent(_ grant: Grant, milliseconds: Int) { preconditionFailure("a client that connects borrows nothing") }

    private func sessionEnded(_ end: PipeEnd, byClient: Bool) {
        guard session === end, !isOver else { return }
        end.close()
        wait?.sessionEnded(Relay.End(first: byClient ? .a : .b, cause: .end, bytesAToB: 0, bytesBToA: 0))
        over(byClient ? .served : .sessionLost)
    }

    private func over(_ how: ClientEnd) {
        isOver = true
        expiry?.cancel()
        client.connection = nil
        world.ledger.note(.waitEnded(client: client.id, how: how))
        client.over(how)
        if how == .served, client.plan.keepSeconds > 0, case .finished(let lease)? = wait?.machine.state {
            world.comeBack(for: lease, client.plan)
        }
        gateway.waitOver()
    }
}
