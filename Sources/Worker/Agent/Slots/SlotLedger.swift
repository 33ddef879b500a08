import Queue
import QueueCore

/// Reports of a worker to the queue about its slots: `SlotRegistry`, a simulator's, or in tests a list of the calls.
package protocol SlotLedger: AnyObject {
    func accept(_ lease: LeaseID, slot: Int, token: Token, attach: Int, done: @escaping (AcceptReply) -> Void)
    func proved(slot: Int)
    func reject(
        _ lease: LeaseID, slot: Int, token: Token, attach: Int, reason: RejectReason, slotFree: Bool)
    func keep(_ lease: LeaseID, slot: Int, token: Token, attach: Int)
    func release(_ lease: LeaseID, slot: Int, token: Token, isFit: Bool)
    func ready(slot: Int, token: Token)
    func changed()
}

extension SlotRegistry: SlotLedger {}
