import QueueCore

/// L7: from an operator's order on, a worker is granted no client. A loss of data may take an order that the worker has
/// not heard yet, and no other.
final class DrainChecker: Checker {
    private struct Order {
        /// The last token given before the order.
        let last: Token
        var isHeard = false
    }

    private var orders: [String: Order] = [:]
    /// Leases that were dialed at a worker before its order. After a loss of data Redis gives their tokens again.
    private var dialedBefore: Set<String> = []

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        switch happening {
        case .storeLostData:
            orders = orders.filter(\.value.isHeard)
        case .dialed(_, let worker, let lease) where orders[worker.text] == nil:
            dialedBefore.insert(lease.description)
        case .served(let worker, let slot, let lease, let token, _, _):
            guard let order = orders[worker.text], token > order.last,
                !dialedBefore.contains(lease.description)
            else { return }
            ledger.found("L7", "\(worker)/\(slot) serves \(lease), granted after the order to drain")
        default: break
        }
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        guard call.status == "ok", let worker = call.draining else { return }
        if call.script != "drain" {
            orders[worker]?.isHeard = true
        } else if orders[worker] == nil {
            let store = ledger.store
            let epoch = store.field("state", of: "epoch").flatMap { Int64($0) } ?? 0
            let number = store.field("state", of: "seq").flatMap { Int64($0) } ?? 0
            orders[worker] = Order(last: Token(epoch: epoch, number: number))
        }
    }
}

extension StoreCall {
    /// The worker that this call makes drain: by an operator's order, or by its own word.
    var draining: String? {
        switch script {
        case "drain" where arguments.count > 7 && arguments[6] == "drain": arguments[7]
        case "drain": caller
        case "renew" where arguments.count > 7 && arguments[7] == "1": caller
        case "register" where arguments.count > 11 && arguments[5] == "worker" && arguments[11] == "1": caller
        default: nil
        }
    }
}
