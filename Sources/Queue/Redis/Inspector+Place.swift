import EventLoop
import QueueCore

extension Inspector {
    /// A waiter's place in the queue; `nil` if this tenant has no such waiter.
    public func place(
        of waiter: WaiterID, tenant: String, done: @escaping (Result<Place?, Failure>) -> Void
    ) {
        run(ScriptLibrary.place, [waiter.text, tenant]) { result in
            done(result.map { Place(reply: ($0.elements ?? []).map { $0.text ?? "" }) })
        }
    }

    /// How many slots of each declared pool the fleet could use now: slots held, granted, and wanted by waiters.
    /// Waiters count up to their tenant's cap, and each counts once. All callers get the same numbers. They are
    /// computed at most once a second.
    public func slotsWanted(done: @escaping (Result<[String: Int], Failure>) -> Void) {
        run(ScriptLibrary.wanted, []) { [weak self] result in
            switch result {
            case .failure(let failure):
                done(.failure(failure))
            case .success(let reply):
                let words = (reply.elements ?? []).map { $0.text ?? "" }
                switch words.first {
                case "more": self?.slotsWanted(done: done)
                case "ok": done(.success(Self.numbers(words.dropFirst(2))))
                case "schema": done(.failure(.refused(Self.otherSchema(words))))
                default: done(.failure(.unavailable("wanted had no answer")))
                }
            }
        }
    }

    static func numbers(_ words: ArraySlice<String>) -> [String: Int] {
        var out: [String: Int] = [:]
        var rest = words
        while let name = rest.popFirst(), let number = rest.popFirst() { out[name] = Int(number) }
        return out
    }
}

extension Place {
    /// Reads a reply of `place`; `nil` if it names no waiter.
    init?(reply words: [String]) {
        guard words.count >= 8, words[0] == "found" else { return nil }
        self.init(
            state: words[1], ahead: Int(words[2]) ?? 0, aheadOfTenant: Int(words[3]) ?? 0,
            oldestMilliseconds: Int(words[4]) ?? 0, waitedMilliseconds: Int(words[5]) ?? 0,
            reason: Reason(rawValue: words[6]), estimateMilliseconds: Int(words[7]))
    }
}
