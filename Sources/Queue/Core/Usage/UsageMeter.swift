/// Counts what tenants use at one process, until Redis has added it.
///
/// Each renew carries a batch of the counts, with a number. If the reply is lost, the next renew carries the same batch
/// with the same number, and Redis adds a number only once. New counts wait for the next batch meanwhile.
///
/// Time is counted while it passes, not at the end of a session or a wait. So a crash loses little, and each day gets its
/// own part of a long session. The sessions of a tenant are counted together, and so are its waits: an event costs O(1).
///
/// Tenants take turns, because a batch is bounded. The number of tenants is bounded too: if a process has too many, it
/// adds the counts of those without a session or wait to `others`. Only open mode, in which clients name their tenant,
/// has so many.
public struct UsageMeter: Sendable {
    public enum Event: Hashable, Sendable {
        case sessionBegan, sessionEnded
        case waitBegan, waitEnded
        case refused
    }

    /// Stands for tenants that are not told apart. No tenant can have this name.
    public static let others = "*"
    /// Tenants of one process that are told apart while they have no session and no wait.
    static let tenantsKeptMax = 4_096

    private struct Tenant {
        var use = Use()
        var sessions = 0
        var waits = 0
        /// `use` has the time of its sessions and waits up to here.
        var counted: UInt64
        /// Its place in `turns`.
        var turn: UInt64

        var isIdle: Bool { sessions == 0 && waits == 0 }

        mutating func count(until now: UInt64) {
            let passed = now > counted ? Int(now - counted) : 0
            use.heldMilliseconds += passed * sessions
            use.waitedMilliseconds += passed * waits
            counted = now
        }
    }

    /// The tenants with counts, a session or a wait.
    private var tenants: [String: Tenant] = [:]
    private var turns = Line<String>()
    private var lastNumber = 0
    /// The batch that Redis has not confirmed.
    private var open: (number: Int, words: String)?
    /// How many renews carried this batch without an answer. Each of them may have added it.
    private var unanswered = 0

    public init() {}

    /// True if nothing is left to send.
    public var isEmpty: Bool { open == nil && tenants.isEmpty }

    /// - Parameter now: in milliseconds of a monotonic clock.
    public mutating func note(_ event: Event, of name: String, now: UInt64) {
        let known = tenants.removeValue(forKey: name)
        var tenant = known ?? Tenant(counted: now, turn: turns.append(name))
        tenant.count(until: now)
        switch event {
        case .sessionBegan:
            tenant.sessions += 1
            tenant.use.sessions += 1
        case .sessionEnded: tenant.sessions = max(0, tenant.sessions - 1)
        case .waitBegan: tenant.waits += 1
        case .waitEnded: tenant.waits = max(0, tenant.waits - 1)
        case .refused: tenant.use.refusals += 1
        }
        if tenant.isIdle, known?.isIdle != true, tenants.count >= UsageMeter.tenantsKeptMax {
            turns.remove(at: tenant.turn)
            addToOthers(tenant.use, now: now)
        } else {
            tenants[name] = tenant
        }
    }

    /// Ends all sessions and waits, because the process leaves. Ends that are noted later count no more.
    public mutating func endAll(now: UInt64) {
        for name in tenants.keys {
            tenants[name]!.count(until: now)
            tenants[name]!.sessions = 0
            tenants[name]!.waits = 0
        }
    }

    /// The batch for the next renew, as the scripts read it: a number, then `tenant held waited sessions refusals` of each
    /// tenant, separated by commas. Empty if there is nothing to send.
    public mutating func batch(now: UInt64) -> String {
        if open == nil { open = nextBatch(now: now) }
        guard let open else { return "" }
        unanswered += 1
        return open.words
    }

    /// A renew was answered that carried this batch.
    /// - Parameters:
    ///   - batch: as `batch` returned it.
    ///   - isTaken: whether Redis executed the renew for this process.
    public mutating func answered(_ batch: String, isTaken: Bool) {
        guard let open, batch == open.words else { return }
        unanswered -= 1
        if isTaken { dropBatch() }
    }

    /// Redis has no record of this process any more, so it does not know the number of the last batch. A batch that may
    /// have been added is dropped, because use must not be counted twice.
    public mutating func forgotten() {
        if unanswered > 0 { dropBatch() }
    }

    private mutating func dropBatch() {
        open = nil
        unanswered = 0
    }

    private mutating func addToOthers(_ use: Use, now: UInt64) {
        let name = UsageMeter.others
        if tenants[name] == nil { tenants[name] = Tenant(counted: now, turn: turns.append(name)) }
        tenants[name]!.use.add(use)
    }

    private mutating func nextBatch(now: UInt64) -> (number: Int, words: String)? {
        var rows: [String] = []
        for _ in 0..<tenants.count where rows.count < QueueLimits.usageBatch {
            guard let name = turns.popFirst(), var tenant = tenants.removeValue(forKey: name) else { break }
            tenant.count(until: now)
            if tenant.use != Use() { rows.append("\(name) \(tenant.use.words)") }
            guard !tenant.isIdle else { continue }
            tenant.use = Use()
            tenant.turn = turns.append(name)
            tenants[name] = tenant
        }
        guard !rows.isEmpty else { return nil }
        lastNumber += 1
        return (lastNumber, "\(lastNumber) \(rows.joined(separator: ","))")
    }
}
