import EventLoop
import Gateway
import GatewayCore
import Queue
import QueueCore
import SimulationChecks

/// A client that comes for a borrowed or kept slot by the shipped `AttachDriver`.
final class SimulatedAttachment: WaitOwner {
    private unowned let gateway: SimulatedGateway
    let client: SimulatedClient
    private let lease: LeaseID
    private var driver: AttachDriver<PipeEnd>?
    private var session: PipeEnd?
    private var isOver = false

    init(_ client: SimulatedClient, to lease: LeaseID, gateway: SimulatedGateway) {
        self.client = client
        self.lease = lease
        self.gateway = gateway
    }

    func begin() {
        gateway.attachments.append(self)
        client.attachment = self
        let process = gateway.process
        _ = process.schedule(after: max(0, client.deadline - process.timeline.now)) { [weak self] in
            if let self, session == nil { self.driver?.deadlinePassed() }
        }
        let request = AttachRequest(lease: lease, tenant: client.plan.tenant, bounds: .none, head: .none)
        let driver = AttachDriver(request, owner: self, table: gateway.waits)
        self.driver = driver
        driver.begin()
    }

    func isDialing(_ lease: LeaseID) -> Bool { self.lease == lease && session == nil && !isOver }

    func clientLeft() {
        if let session { return sessionEnded(session, byClient: true) }
        driver?.clientLeft()
    }

    // MARK: what became of it

    func waitEnded(_ refusal: Refusal?) { over(.refused("attach: \(refusal?.code.rawValue ?? "left")")) }

    func workerProved(_ worker: PipeEnd, of lease: LeaseID, rest: [UInt8]) {
        session = worker
        worker.onEnd = { [self] in sessionEnded(worker, byClient: false) }
        client.served(through: worker)
    }

    func slotLent(_ grant: Grant, milliseconds: Int) { preconditionFailure("a client that attaches borrows nothing") }

    private func sessionEnded(_ end: PipeEnd, byClient: Bool) {
        guard session === end, !isOver else { return }
        end.close()
        driver?.sessionEnded(Relay.End(first: byClient ? .a : .b, cause: .end, bytesAToB: 0, bytesBToA: 0))
        over(byClient ? .served : .sessionLost)
    }

    private func over(_ how: ClientEnd) {
        isOver = true
        driver = nil
        gateway.attachments.removeAll { $0 === self }
        client.over(how)
    }
}
