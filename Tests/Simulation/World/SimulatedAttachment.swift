import Gateway
import GatewayCore
import Queue
import QueueCore
import SimulationChecks

/// A client that comes for a borrowed or kept slot: asked for by `attach`, dialed as a grant is.
final class SimulatedAttachment {
    private unowned let gateway: SimulatedGateway
    let client: SimulatedClient
    private let lease: LeaseID
    private var grant: Grant?
    private var call: SimulatedCall?
    private var session: PipeEnd?
    private var isOver = false

    init(_ client: SimulatedClient, to lease: LeaseID, gateway: SimulatedGateway) {
        self.client = client
        self.lease = lease
        self.gateway = gateway
    }

    private var process: SimulatedProcess { gateway.process }

    func begin() {
        gateway.attachments.append(self)
        client.attachment = self
        _ = process.schedule(after: max(0, client.deadline - process.timeline.now)) { [weak self] in
            if let self, session == nil { giveUp("timed out") }
        }
        gateway.queue.attach(to: lease, tenant: client.plan.tenant, attachment: gateway.freshID()) { [self] reply in
            switch reply {
            case .granted(let grant): granted(grant)
            case .alreadyAttached, .forbidden, .gone, .recovering: giveUp("attach: \(reply)")
            }
        }
    }

    func clientLeft() {
        if let session { return sessionEnded(session, byClient: true) }
        giveUp("left")
    }

    private func granted(_ grant: Grant) {
        self.grant = grant
        if isOver { return reject(.local) }
        call = gateway.dialer.call(grant, for: client, onConnecting: {}) { [self] outcome in
            switch outcome {
            case .proved(let end, _): proved(end)
            case .failed(.local, _): failed(.local)
            case .failed(.unreachable, _): failed(.unreachable)
            case .failed(.rejected(let reason), _): failed(reason)
            }
        }
    }

    private func proved(_ end: PipeEnd) {
        call = nil
        session = end
        end.onEnd = { [self] in sessionEnded(end, byClient: false) }
        client.served(through: end)
    }

    private func failed(_ reason: RejectReason) {
        reject(reason)
        over(.refused("attach: \(reason)"))
    }

    private func giveUp(_ why: String) {
        guard !isOver, session == nil else { return }
        // A worker that was called and hears nothing more has seen its client go.
        if grant != nil { reject(.failed) }
        over(.refused(why))
    }

    private func reject(_ reason: RejectReason) {
        guard let grant else { return }
        let dial = call
        call = nil
        dial?.abandon()
        gateway.queue.reject(
            grant.lease, tenant: client.plan.tenant, attach: grant.attach, reason: reason, final: false
        ) { _ in dial?.close() }
    }

    private func sessionEnded(_ end: PipeEnd, byClient: Bool) {
        guard session === end, !isOver else { return }
        end.close()
        over(byClient ? .served : .sessionLost)
    }

    private func over(_ how: ClientEnd) {
        isOver = true
        gateway.attachments.removeAll { $0 === self }
        client.over(how)
    }
}
