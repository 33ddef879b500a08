import SimulatedRedis

/// What a checker found broken.
public struct Finding: Hashable, Sendable, CustomStringConvertible {
    /// The promise, by its name in docs/promises.md.
    public let promise: String
    public let words: String
    /// Microseconds of simulated time.
    public let at: Int64

    public init(_ promise: String, _ words: String, at: Int64) {
        self.promise = promise
        self.words = words
        self.at = at
    }

    public var description: String { "\(promise) at \(at / 1_000) ms: \(words)" }
}

/// One script call as Redis saw it.
public struct StoreCall {
    public let script: String
    /// Header and what follows, as texts.
    public let arguments: [String]
    /// The reply's texts, nested ones left out; an error's words alone.
    public let reply: [String]
    public let wrote: Bool

    public init(script: String, arguments: [String], reply: [String], wrote: Bool) {
        self.script = script
        self.arguments = arguments
        self.reply = reply
        self.wrote = wrote
    }

    public var caller: String { arguments.first ?? "" }
    public var status: String { reply.first ?? "" }
}

/// One promise, checked against what happened and what Redis holds.
public protocol Checker: AnyObject {
    /// Somebody did or saw something.
    func note(_ happening: Happening, at now: Int64, into ledger: Ledger)
    /// A script is about to run.
    func willRun(_ script: String, arguments: [String], at now: Int64, into ledger: Ledger)
    /// A script ran.
    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger)
    /// The faults are over for as long as a promise allows, or the run is over.
    func look(_ stage: Stage, at now: Int64, into ledger: Ledger)
}

/// When checkers look at the whole.
public enum Stage: Hashable, Sendable {
    /// 15 s after the last fault healed, 30 s after a loss of data.
    case recovered
    /// A little later: what is still wrong was not just on its way.
    case confirmed
    /// Every client has ended.
    case atRest
}

extension Checker {
    public func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {}
    public func willRun(_ script: String, arguments: [String], at now: Int64, into ledger: Ledger) {}
    public func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {}
    public func look(_ stage: Stage, at now: Int64, into ledger: Ledger) {}
}

/// What happened in a run, told to all checkers, and what they found.
public final class Ledger {
    public let store: StoreView
    private let checkers: [any Checker]
    public private(set) var findings: [Finding] = []
    private var troubles = 0
    private var lastTroubleEnd: Int64 = 0
    private let clock: () -> Int64
    /// The time until which index entries may be wrong because a script died midway. Findings before it do not count.
    private var healsUntil = Int64.min
    /// In a small fleet each index entry is compared within that time, µs (L9), if nothing is wrong with Redis. A hold-off after
    /// a loss of data is included.
    private static let healing: Int64 = 30_000_000
    /// Hears everything noted, for the trace.
    public var onNote: ((Happening) -> Void)?
    /// Told of each finding.
    public var onFinding: (() -> Void)?

    /// - Parameter clock: microseconds of simulated time.
    public init(store: StoreView, checkers: [any Checker], clock: @escaping () -> Int64) {
        self.store = store
        self.checkers = checkers
        self.clock = clock
    }

    public var now: Int64 { clock() }

    /// Nothing has been wrong with Redis and the ways to it since then (µs); nil while something is.
    public var calmSince: Int64? { troubles > 0 ? nil : lastTroubleEnd }

    public func note(_ happening: Happening) {
        switch happening {
        case .troubleBegan: troubles += 1
        case .troubleEnded:
            troubles -= 1
            lastTroubleEnd = now
        default: break
        }
        switch happening {
        case .scriptDies: healsUntil = now + Ledger.healing
        case .troubleBegan, .troubleEnded, .storeLostData, .healed:
            if now < healsUntil { healsUntil = now + Ledger.healing }
        default: break
        }
        onNote?(happening)
        for checker in checkers { checker.note(happening, at: now, into: self) }
    }

    public func willRun(_ script: String, arguments: [String]) {
        for checker in checkers { checker.willRun(script, arguments: arguments, at: now, into: self) }
    }

    public func ran(_ call: StoreCall) {
        if call.wrote { store.forget() }
        for checker in checkers { checker.ran(call, at: now, into: self) }
    }

    public func look(_ stage: Stage) {
        for checker in checkers { checker.look(stage, at: now, into: self) }
    }

    public func found(_ promise: String, _ words: String) {
        guard now >= healsUntil else { return }
        findings.append(Finding(promise, words, at: now))
        onFinding?()
    }
}
