import EventLoop
import GatewayCore
import QueueCore

/// The driver of the machine `Attachment`: it connects one client with a session that is there already.
package final class AttachDriver<Connection: WorkerConnection>: Errand {
    private unowned let table: WaitTable<Connection>
    private unowned let owner: any WaitOwner<Connection>
    private let request: AttachRequest
    private var machine = Attachment()
    private var call: (any DialCall)?
    /// The session's grant and tenant, once served.
    private var session: (grant: Grant, tenant: String)?
    private var tenant: String
    private let deadline: UInt64

    package init(_ request: AttachRequest, owner: any WaitOwner<Connection>, table: WaitTable<Connection>) {
        self.request = request
        self.owner = owner
        self.table = table
        tenant = request.tenant
        deadline = table.runtime.now + Attachment.waitMilliseconds
    }

    package var nextCheck: UInt64 { max(deadline, table.runtime.now + GatewayLimits.verdictMilliseconds) }

    // MARK: events

    package func begin() {
        table.insert(self)
        step { $0.begin() }
    }

    package func clientLeft() { step { $0.clientLeft() } }
    package func clientBroke() { step { $0.clientBroke() } }
    package func deadlinePassed() { step { $0.deadlinePassed() } }
    package func drainTimePassed() { step { $0.drainTimePassed() } }

    package func sessionEnded(_ end: Relay.End) {
        guard let session else { return }
        table.remove(self)
        table.events.detached(session.grant, tenant: session.tenant, end)
    }

    private func step(
        _ proof: (worker: Connection, rest: [UInt8])? = nil, _ event: (inout Attachment) -> Attachment.Action
    ) {
        let action = event(&machine)
        switch action.queue {
        case .none: break
        case .attach: attach()
        case .reject(let lease, let attach, let reason): reject(lease, attach: attach, reason)
        }
        switch action.client {
        case .none: proof?.worker.close()
        case .pause:
            table.runtime.call(after: Attachment.pauseMilliseconds) { [self] in step { $0.pauseOver() } }
        case .dial(let grant): dial(grant)
        case .relay(let grant): if let proof { serve(grant, proof.worker, rest: proof.rest) }
        case .end(let why): end(why)
        }
    }

    // MARK: what the machine decided

    private func attach() {
        let attachment = table.runtime.freshWaiterID()
        table.queue.attach(to: request.lease, tenant: request.tenant, attachment: attachment) { [self] reply in
            if case .granted(_, let owner) = reply { tenant = owner }
            step { $0.replied(reply) }
        }
    }

    private func dial(_ grant: Grant) {
        call = table.dialer.dial(
            grant, request.bounds, head: request.head, onConnecting: { [self] in step { $0.dialBegan() } }
        ) { [self] outcome in
            switch outcome {
            case .proved(let worker, let rest):
                call = nil
                step((worker, rest)) { $0.proved() }
            case .failed(let failure, let words):
                table.events.dialFailed(grant.lease.waiter, grant, words)
                step { $0.dialFailed(failure) }
            }
        }
    }

    /// The worker must not see the dial end before Redis has the verdict, or a second has passed.
    private func reject(_ lease: LeaseID, attach: Int, _ reason: RejectReason) {
        let dial = call
        call = nil
        dial?.abandon()
        let timer = table.runtime.call(after: GatewayLimits.verdictMilliseconds) { dial?.close() }
        table.queue.reject(lease, tenant: tenant, attach: attach, reason: reason, final: false) { _ in
            timer.cancel()
            dial?.close()
        }
    }

    private func serve(_ grant: Grant, _ worker: Connection, rest: [UInt8]) {
        session = (grant, tenant)
        table.events.attached(grant, tenant: tenant)
        owner.workerProved(worker, of: grant.lease, rest: rest)
    }

    private func end(_ why: Attachment.End) {
        table.remove(self)
        let refusal = why.refusal
        // A client with a ticket has no tenant before Redis names the owner of the session.
        if refusal != nil, !tenant.isEmpty { table.queue.note(.refused, of: tenant) }
        table.events.attachEnd(request.lease, tenant: tenant, refusal)
        owner.waitEnded(refusal)
    }
}
