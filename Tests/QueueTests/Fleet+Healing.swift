import QueueCore

/// The renews, collects and sweeps of a fleet at work, by which differences heal.
extension Fleet {
    /// Lets so many seconds pass. Gateways renew and collect. Workers renew with their rows, accept grants, and make their
    /// slots fit again. The last caller sweeps. `deaf` gateways collect nothing.
    func heal(_ seconds: Int, _ callers: [Caller], deaf: [Caller] = []) {
        for second in 1...seconds {
            advance(milliseconds: 1_000)
            for caller in callers + deaf where second % 2 == 0 {
                if caller.kind == "worker" { renew(caller, rows(of: caller)) } else { renew(caller) }
            }
            for caller in callers where caller.kind == "gateway" { collect(caller) }
            if let sweeper = callers.last { while sweep(sweeper).moreToDo {} }
            for caller in callers where caller.kind == "worker" { work(caller) }
        }
    }

    /// One field of a slot's row.
    private func slot(_ worker: Caller, _ index: Int, _ field: String) -> String {
        self.field("slot:\(worker.id)/\(index)", field)
    }

    private func slots(of worker: Caller) -> Int {
        Int(field("worker:\(worker.id)", "slots").prefix { $0 != "." }) ?? 0
    }

    private func number(_ worker: Caller, _ index: Int, _ field: String) -> Int64 {
        Int64(slot(worker, index, field).prefix { $0 != "." }) ?? 0
    }

    private func token(_ worker: Caller, _ index: Int) -> Token {
        Token(epoch: number(worker, index, "epoch"), number: number(worker, index, "number"))
    }

    /// The worker's own table of its slots, if none of its calls was lost.
    func rows(of worker: Caller) -> [String] {
        (0..<slots(of: worker)).map { index in
            let (state, token) = (slot(worker, index, "state"), token(worker, index))
            guard let lease = LeaseID(slot(worker, index, "lease")) else { return row(index, state, token) }
            guard state == "accepted" || state == "kept" else {
                // The grant has not arrived yet.
                return row(index, "free", Token(epoch: token.epoch, number: token.number - 1))
            }
            let waiter = "waiter:\(lease.waiter.text)"
            let run = field(waiter, "run")
            return row(
                index, state == "kept" ? "kept" : "leased", token, lease, tenant: slot(worker, index, "tenant"),
                keep: Int(number(worker, index, "keep")), attach: Int(number(worker, index, "attach")),
                run: run == "" ? "-" : run)
        }
    }

    private func work(_ worker: Caller) {
        for index in 0..<slots(of: worker) {
            let (state, token) = (slot(worker, index, "state"), token(worker, index))
            if state == "recycling" {
                ready(worker, slot: index, token)
            } else if state == "granted", let lease = LeaseID(slot(worker, index, "lease")) {
                accept(
                    worker,
                    Grant(
                        lease: lease, worker: ProcessID(worker.id)!, slot: index, address: "-",
                        pool: slot(worker, index, "pool"), token: token))
            }
        }
    }
}
