import HTTPCore
import QueueCore

/// A question or an order of the API about the caller's own waiters, sessions and usage.
public enum APICall: Hashable, Sendable {
    /// The rows of the endpoints' table.
    enum Verb: Hashable, Sendable {
        case listSessions, showSession, endSession, showWaiter, endWaiter, endRun, estimate, usage
    }

    /// The waiters and sessions of a run.
    case listSessions(run: String)
    case showSession(LeaseID)
    case endSession(LeaseID)
    /// - Parameter name: a waiter's id or alias.
    case showWaiter(name: String)
    case endWaiter(name: String)
    case endRun(String)
    /// How long a new client would wait.
    case estimate(Selector)
    /// The usage of the tenant on the last days, today included.
    case usage(days: Int)

    /// - Throws: `not_found` for a text that is no id, `bad_request` for options that the call does not have.
    init(_ verb: Verb, name: String, _ options: RequestOptions, defaultLabel: String) throws(Refusal) {
        guard verb == .usage || options.remainingQuery.isEmpty else {
            throw .badRequest("The query has a parameter that this request does not have")
        }
        switch verb {
        case .listSessions:
            guard !options.run.isEmpty else { throw .badRequest("Name the run: ?run=<run>") }
            self = .listSessions(run: options.run)
        case .showSession: self = .showSession(try sessionID(name))
        case .endSession: self = .endSession(try sessionID(name))
        case .showWaiter: self = .showWaiter(name: try waiterName(name))
        case .endWaiter: self = .endWaiter(name: try waiterName(name))
        case .endRun:
            guard isRun(name) else { throw Refusal(.notFound, "No run has this name") }
            self = .endRun(name)
        case .estimate:
            let label = options.label.isEmpty ? defaultLabel : options.label
            guard let selector = Selector(pattern: label, browser: options.browser ?? "") else { throw .badLabel }
            self = .estimate(selector)
        case .usage: self = .usage(days: try daysOfUsage(options.remainingQuery))
        }
    }
}

/// - Throws: `not_found`, because a text that is no id names no session.
func sessionID(_ text: String) throws(Refusal) -> LeaseID {
    guard let id = LeaseID(text) else { throw .noSuchSession }
    return id
}

private func daysOfUsage(_ query: String) throws(Refusal) -> Int {
    let most = QueueLimits.usageDays
    if query.isEmpty { return most }
    let digits = query.dropFirst("days=".count)
    guard query.hasPrefix("days="), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let days = Int(digits),
        (1...most).contains(days)
    else { throw .badRequest("The one parameter of this request is days, a number from 1 to \(most)") }
    return days
}

private func waiterName(_ text: String) throws(Refusal) -> String {
    guard isName(text) else { throw .noSuchWaiter }
    return text
}

extension Refusal {
    public static let noSuchSession = Refusal(.notFound, "No session of this tenant has this id; it may have ended")
    public static let noSuchWaiter = Refusal(
        .notFound, "No waiter of this tenant has this id or alias; it may have left or been served")
}
