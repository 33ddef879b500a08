import Queue
import QueueCore
import Worker

/// The ledger of a simulated worker. It reports to the queue as the shipped one does, unless a planted bug changes a
/// report.
final class SimulatedLedger: SlotLedger {
    private let registry: SlotRegistry
    private let plants: (PlantedBug) -> Bool

    init(_ registry: SlotRegistry, plants: @escaping (PlantedBug) -> Bool) {
        self.registry = registry
        self.plants = plants
    }

    func accept(
        _ lease: LeaseID, slot: Int, token: Token, attach: Int, done: @escaping (AcceptReply) -> Void
    ) {
        registry.accept(lease, slot: slot, token: token, attach: attach, done: done)
        if plants(.proofBeforeAccept) { done(.accepted()) }
    }

    func proved(slot: Int) { registry.proved(slot: slot) }

    func reject(_ lease: LeaseID, slot: Int, token: Token, attach: Int, reason: RejectReason, slotFree: Bool) {
        registry.reject(lease, slot: slot, token: token, attach: attach, reason: reason, slotFree: slotFree)
    }

    func keep(_ lease: LeaseID, slot: Int, token: Token, attach: Int) {
        registry.keep(lease, slot: slot, token: token, attach: attach)
    }

    func release(_ lease: LeaseID, slot: Int, token: Token, isFit: Bool) {
        let isFit = isFit || plants(.readyBeforeSidecar)
        if !plants(.releaseForgotten) {
            registry.release(lease, slot: slot, token: token, isFit: isFit)
        } else if isFit {
            registry.ready(slot: slot, token: token)
        }
    }

    func ready(slot: Int, token: Token) { registry.ready(slot: slot, token: token) }

    func changed() { registry.changed() }
}
