import Queue
import QueueCore
import Testing

/// The verbs by which leases are lent, kept, and ended from outside.
extension Fleet {
    @discardableResult
    func keep(_ worker: Caller, _ grant: Grant, attach: Int = 1) -> Outcome {
        run("keep", worker, words(grant) + [String(attach)])
    }

    @discardableResult
    func reserve(_ gateway: Caller, _ grant: Grant) -> Outcome { run("reserve", gateway, [grant.lease.description]) }

    @discardableResult
    func attach(_ gateway: Caller, _ lease: LeaseID, tenant: String = "a", attachment: String? = nil) -> Outcome {
        run("attach", gateway, [tenant, lease.description, attachment ?? newWaiter()])
    }

    @discardableResult
    func finish(
        _ caller: Caller, _ what: String, _ subject: String, tenant: String = "a", reason: String = "request"
    ) -> Outcome {
        run("finish", caller, [caller.kind, tenant, what, subject, reason])
    }

    /// A row with how long it is kept, its last connection, its run and its age in milliseconds.
    func row(
        _ slot: Int, _ state: String, _ token: Token, _ lease: LeaseID, tenant: String = "a", keep: Int,
        attach: Int = 1, run: String = "-", age: Int = 0
    ) -> String {
        row(slot, state, token, lease, tenant: tenant) + " \(keep) \(attach) \(run) \(age)"
    }
}
