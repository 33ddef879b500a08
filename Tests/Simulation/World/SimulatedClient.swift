import Gateway
import QueueCore
import SimulationChecks

/// What one client will do.
struct ClientPlan {
    var tenant: String
    var selector: Selector
    var headStartSeconds = 0
    var run = ""
    var alias = ""
    var keepSeconds = 0
    /// Borrows its slot for a client to come.
    var borrows = false
    /// So long after its first session it, or who it borrowed for, comes for the slot; nil: never.
    var comesBack: Int64?
    /// Comes for a slot that is borrowed or kept.
    var attaches: LeaseID?
    var mayWait = true
    /// However it ended, another one like it comes.
    var comesAnew = false
    /// How long it lets itself be held, in µs.
    var wait: Int64
    /// Leaves so long after its arrival, whatever it has by then.
    var leavesAfter: Int64?
    /// From its first byte to its own end.
    var session: Int64
}

/// A client of the simulated fleet. Its machine is next to its gateway's: it sees what happens there at once.
final class SimulatedClient {
    let id: Int
    let plan: ClientPlan
    let deadline: Int64
    unowned let world: World
    private let timeline: Timeline
    private(set) var outcome: ClientEnd?
    /// While it waits, or has a session, by a grant.
    var connection: SimulatedClientConnection?
    weak var attachment: SimulatedAttachment?
    weak var borrower: SimulatedBorrower?
    private weak var gateway: SimulatedGateway?
    private(set) var isServed = false

    /// Its wait, or its session, at a gateway that lives.
    var wait: WaitDriver<PipeEnd>? { gateway?.process.isGone == false ? connection?.wait : nil }

    init(_ world: World, id: Int, plan: ClientPlan) {
        self.world = world
        self.id = id
        self.plan = plan
        timeline = world.timeline
        deadline = world.timeline.now + (plan.mayWait ? plan.wait : milliseconds(2_000))
    }

    func arrive(at gateway: SimulatedGateway) {
        self.gateway = gateway
        world.ledger.note(.clientArrived(client: id))
        if gateway.process.isGone { return over(.refused("connection refused")) }
        gateway.process.arrive { [self] in
            // It may have left while its gateway stood still: accepted, read to the end, closed.
            if outcome == nil { gateway.accept(self) }
        }
        if let leavesAfter = plan.leavesAfter { timeline.after(leavesAfter) { [self] in leave() } }
        if gateway.process.state == .paused {
            gateway.process.whenGone { [weak self] in self?.gatewayDied() }
        }
    }

    /// Its worker was proved: it sends, and after its session's time it closes.
    func served(through end: PipeEnd) {
        guard outcome == nil else { return }
        isServed = true
        end.send(.bytes)
        timeline.after(plan.session) { [self] in leave() }
    }

    private func leave() {
        guard outcome == nil else { return }
        over(isServed ? .served : .left)
        gateway?.process.arrive { [self] in
            connection?.clientLeft()
            attachment?.clientLeft()
            borrower?.clientLeft()
        }
    }

    func refused(_ why: ClientRefusal) { over(.refused(why.rawValue)) }

    func gatewayDied() {
        guard outcome == nil else { return }
        over(.gatewayDied)
        // Whoever has a name comes again by it.
        if !plan.alias.isEmpty, !isServed { world.comeAgain(plan) }
    }

    func over(_ how: ClientEnd) {
        guard outcome == nil else { return }
        outcome = how
        world.ledger.note(.clientEnded(client: id, how: how))
        if plan.comesAnew { world.comeAnew(plan, after: how == .served ? milliseconds(1) : milliseconds(100)) }
    }
}

enum ClientRefusal: String {
    case shuttingDown
}
