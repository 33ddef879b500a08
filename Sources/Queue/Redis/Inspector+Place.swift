import EventLoop
import QueueCore

extension Inspector {
    /// Where a waiter stands; `nil` where this tenant has no such waiter.
    public func place(
        of waiter: WaiterID, tenant: String, done: @escaping (Result<Place?, Failure>) -> Void
    ) {
        run(ScriptLibrary.place, [waiter.text, tenant]) { result in
            done(result.map { Place(reply: ($0.elements ?? []).map { $0.text ?? "" }) })
        }
    }
}

extension Place {
    /// Reads a reply of `place`; `nil` for one that names no waiter.
    init?(reply words: [String]) {
        guard words.count >= 8, words[0] == "found" else { return nil }
        self.init(
            state: words[1], ahead: Int(words[2]) ?? 0, aheadOfTenant: Int(words[3]) ?? 0,
            oldestMilliseconds: Int(words[4]) ?? 0, waitedMilliseconds: Int(words[5]) ?? 0,
            reason: Reason(rawValue: words[6]), estimateMilliseconds: Int(words[7]))
    }
}
