import EventLoop
import QueueCore
import RedisClient

/// A script's reply: status, header, and the script's own payload.
struct ScriptReply {
    let status: String
    let epoch: Int64
    let commit: Int64
    let ticket: Int64
    /// `todo` is not empty: call `sweep` until it is.
    let moreToDo: Bool
    let sweepDue: Bool
    let payload: [RedisReply]

    /// `nil` if the reply is not a script's.
    init?(_ reply: RedisReply) {
        if let text = reply.errorText {
            // A full Redis refuses `enqueue` and `settings`. Any other error is a bug, and the call must not be
            // repeated forever.
            status = text.hasPrefix("OOM") ? "full" : "error"
            (epoch, commit, ticket) = (0, 0, 0)
            (moreToDo, sweepDue) = (false, false)
            payload = [.bulk(Array(text.utf8))]
            return
        }
        guard let parts = reply.elements, parts.count >= 5, let status = parts[0].text,
            let epoch = parts[1].int, let commit = parts[2].int, let flags = parts[3].int, let ticket = parts[4].int
        else { return nil }
        self.status = status
        self.epoch = epoch
        self.commit = commit
        self.ticket = ticket
        moreToDo = flags & 1 != 0
        sweepDue = flags & 2 != 0
        payload = Array(parts.dropFirst(5))
    }

    /// The script changed nothing, because Redis does not accept this caller now. The call is repeated after
    /// registration.
    var isStale: Bool { status == "unknown" || status == "old" || status == "busy" || status == "schema" }

    func text(_ index: Int) -> String { index < payload.count ? payload[index].text ?? "" : "" }

    func number(_ index: Int) -> Int { index < payload.count ? Int(payload[index].int ?? 0) : 0 }

    /// The listings in the reply to `roll`, each with `from`, `through` and its ids.
    func listings(_ index: Int) -> [WaiterRoll.Listing] {
        guard index < payload.count else { return [] }
        return (payload[index].elements ?? []).compactMap { listing in
            guard let parts = listing.elements, parts.count == 3, let from = parts[0].text, let through = parts[1].text,
                let ids = parts[2].elements
            else { return nil }
            return WaiterRoll.Listing(from: from, through: through, ids: ids.compactMap(\.text))
        }
    }

    func texts(_ index: Int) -> [String] {
        index < payload.count ? (payload[index].elements ?? []).compactMap(\.text) : []
    }
}
