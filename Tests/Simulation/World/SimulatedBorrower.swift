import Gateway
import GatewayCore
import Queue
import QueueCore
import SimulationChecks

/// A client that borrows a slot by the shipped `WaitDriver`. A client of its own comes later.
final class SimulatedBorrower: WaitOwner {
    private unowned let gateway: SimulatedGateway
    let client: SimulatedClient
    private var wait: WaitDriver<PipeEnd>?

    init(_ client: SimulatedClient, gateway: SimulatedGateway) {
        self.client = client
        self.gateway = gateway
    }

    func begin() {
        client.borrower = self
        gateway.borrowers.append(self)
        let deadline = UInt64(client.deadline / 1_000)
        let wait = WaitDriver(client.plan.request, owner: self, table: gateway.waits, deadline: deadline)
        self.wait = wait
        expire(at: wait.nextCheck)
        wait.begin()
    }

    /// - Parameter check: milliseconds of the simulated clock.
    private func expire(at check: UInt64) {
        let process = gateway.process
        _ = process.schedule(after: max(0, Int64(check) * 1_000 - process.timeline.now)) { [weak self] in
            guard let self, let wait else { return }
            wait.deadlinePassed()
            if self.wait != nil { expire(at: wait.nextCheck) }
        }
    }

    func clientLeft() { wait?.clientLeft() }

    // MARK: what became of its wait

    func waitEnded(_ refusal: Refusal?) {
        guard case .ended(let why)? = wait?.machine.state else { preconditionFailure("only a wait that ended is told") }
        over(.refused(String(describing: why)))
    }

    func workerProved(_ worker: PipeEnd, of lease: LeaseID, rest: [UInt8]) {
        preconditionFailure("a borrower has no session")
    }

    func slotLent(_ grant: Grant, milliseconds: Int) {
        client.world.comeBack(for: grant.lease, client.plan)
        over(.served)
    }

    private func over(_ how: ClientEnd) {
        wait = nil
        gateway.borrowers.removeAll { $0 === self }
        client.over(how)
    }
}
