import EventLoop
import QueueCore
import RedisClient

extension Inspector {
    /// Waiters whose place `fleetWithPlaces` asks, each by a call of its own.
    public static let placesMax = 50

    /// The fleet as `fleet` reads it, and the places of the first waiters of the line, by id. A waiter that has left meanwhile
    /// has none.
    public func fleetWithPlaces(
        waiters: Int, done: @escaping (Result<(view: FleetView, places: [String: Place]), Failure>) -> Void
    ) {
        fleet(waiters: waiters) { [weak self] in
            switch $0 {
            case .failure(let failure): done(.failure(failure))
            case .success(let view):
                self?.places(of: view.line.prefix(Self.placesMax)) { done(.success((view, $0))) }
            }
        }
    }

    private func places(
        of waiters: ArraySlice<FleetView.Waiter>, _ done: @escaping ([String: Place]) -> Void
    ) {
        var places: [String: Place] = [:]
        var left = waiters.count
        if left == 0 { return done([:]) }
        for waiter in waiters {
            place(of: waiter.id, tenant: waiter.tenant) {
                if case .success(let place?) = $0 { places[waiter.id] = place }
                left -= 1
                if left == 0 { done(places) }
            }
        }
    }

    /// A waiter's place in the queue; `nil` if this tenant has no such waiter.
    /// - Parameter name: the waiter's id or alias.
    public func place(of name: String, tenant: String, done: @escaping (Result<Place?, Failure>) -> Void) {
        askPlace([name, tenant, ""], done)
    }

    /// The place that a new client of the tenant would have.
    public func place(
        ofNew selector: Selector, tenant: String, done: @escaping (Result<Place?, Failure>) -> Void
    ) {
        askPlace(["", tenant, selector.description], done)
    }

    private func askPlace(_ arguments: [String], _ done: @escaping (Result<Place?, Failure>) -> Void) {
        run(ScriptLibrary.place, arguments) { result in done(result.map { Place(reply: $0.texts) }) }
    }

    /// A session of the tenant; `nil` if the tenant has no such session.
    public func session(
        _ lease: LeaseID, tenant: String, done: @escaping (Result<SessionRecord?, Failure>) -> Void
    ) {
        run(ScriptLibrary.sessions, [tenant, "lease", lease.description]) { result in
            done(result.map { SessionRecord.all(in: $0.texts).first })
        }
    }

    /// The waiters and sessions of a run: at most 256, the oldest first.
    public func sessions(
        ofRun run: String, tenant: String, done: @escaping (Result<[SessionRecord], Failure>) -> Void
    ) {
        self.run(ScriptLibrary.sessions, [tenant, "run", run]) { result in
            done(result.map { SessionRecord.all(in: $0.texts) })
        }
    }

    /// The usage of a tenant on the last days, the latest first. Days without use are left out.
    /// - Parameter days: how many, today included; at most `QueueLimits.usageDays`.
    public func usage(
        of tenant: String, days: Int, done: @escaping (Result<[DayOfUse], Failure>) -> Void
    ) {
        run(ScriptLibrary.usage, [tenant, String(days)]) { result in
            done(result.map { DayOfUse.all(in: $0.texts) })
        }
    }
}

extension Place {
    /// Reads a reply of `place`; `nil` if it names no waiter.
    init?(reply words: [String]) {
        guard words.count >= 10, words[0] == "found" else { return nil }
        self.init(
            state: words[1], waiter: WaiterID(words[8]), lease: LeaseID(words[9]), ahead: Int(words[2]) ?? 0,
            aheadOfTenant: Int(words[3]) ?? 0,
            oldestMilliseconds: Int(words[4]) ?? 0, waitedMilliseconds: Int(words[5]) ?? 0,
            reason: Reason(rawValue: words[6]), estimateMilliseconds: Int(words[7]))
    }
}

extension SessionRecord {
    private static var columns: Int { 8 }

    /// Reads a reply of `sessions`. Rows that cannot be read are left out.
    static func all(in words: [String]) -> [SessionRecord] {
        stride(from: 1, to: words.count, by: columns).compactMap { start in
            guard start + columns <= words.count, let waiter = WaiterID(words[start]) else { return nil }
            let row = words[start..<start + columns].map { $0 }
            return SessionRecord(
                waiter: waiter, lease: LeaseID(row[1]), state: row[2], pool: Pool(row[3]), worker: ProcessID(row[4]),
                run: row[5], alias: row[6], remainingMilliseconds: Int(row[7]))
        }
    }
}

extension DayOfUse {
    /// Reads a reply of `usage`. Rows that cannot be read are left out.
    static func all(in words: [String]) -> [DayOfUse] {
        stride(from: 1, to: words.count - 1, by: 2).compactMap { at in
            guard let day = Int(words[at]), let use = Use(words: words[at + 1]) else { return nil }
            return DayOfUse(day: day, use: use)
        }
    }
}

extension RedisReply {
    fileprivate var texts: [String] { (elements ?? []).map { $0.text ?? "" } }
}
