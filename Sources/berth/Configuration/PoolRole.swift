import QueueCore
import WorkerCore

/// The settings of one pool of a worker.
public struct PoolRole: Hashable, Sendable {
    /// The kind of program that serves the slots.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case playwright, chromium, bidi, command, attach, lease
    }

    public var label: Label
    public var slots: Int
    public var kind: Kind
    /// The protocol that the file names; `nil` for that of the kind.
    public var namedProtocol: SlotProtocol?
    public var isShared: Bool
    /// Sessions of a shared sidecar at once, and in all.
    public var sessions: Int
    public var maxSessions: Int
    public var maxAgeMilliseconds: Int?
    /// Memory that a sidecar may use; `nil` for no limit.
    public var memoryBytesMax: Int?
    /// Spares; `nil` for the mode's default.
    public var warm: Int?
    /// The command's words, the program first. Programs are absolute paths here, or names to look for in PATH.
    public var command: [String]
    /// More arguments for the browser.
    public var args: [String]
    /// Added to the environment of the sidecars.
    public var environment: [String: String]
    /// The browser, unless the label names one.
    public var browser: String
    /// The browser and the Playwright version that a pool of kind `command` or `attach` names for its clients.
    public var namedBrowser: String?
    public var namedVersion: String?
    public var executable: String?
    /// The names of what the slots stand for, in kind lease; empty for numbers.
    public var names: [String]
    /// The endpoints of kind attach.
    public var attach: [AttachAddress]
    /// Which sessions have a protocol log.
    public var protocolLog = ProtocolLogMode.off

    /// The most arguments, and variables of the environment, of one pool.
    public static let wordsMax = 64
    /// The most seats of a shared sidecar.
    public static let sessionsLimit = 100
    /// The most sessions of a shared sidecar in its life.
    public static let maxSessionsLimit = 1_000_000
    /// The most spares of a pool.
    public static let warmMax = 64
    /// The most endpoints of a pool.
    public static let attachMax = 256

    /// A pool with the settings of `worker.…`. The table of pools says what differs.
    /// - Parameter folder: relative paths begin there.
    init(base resolved: [String: ResolvedSetting], folder: String) {
        func text(_ name: String) -> String? { resolved[name]?.texts.last }
        func number(_ name: String) -> Int? { text(name).flatMap { Int($0) } }
        guard let label = Label("default") else { preconditionFailure("a label") }
        self.label = label
        slots = 1
        kind = text("worker.kind").flatMap(Kind.init) ?? .playwright
        namedProtocol = nil
        isShared = text("worker.mode") == "shared"
        sessions = number("worker.sessions") ?? Seating.seatsDefault
        maxSessions = number("worker.maxSessions") ?? Seating.sessionsMaxDefault
        warm = number("worker.warm")
        command = text("worker.command").flatMap(CommandWords.split) ?? []
        if let program = command.first { command[0] = WorkerRole.program(program, in: folder) }
        args = []
        environment = [:]
        browser = text("worker.browser") ?? "chromium"
        names = []
        attach = []
        executable = text("worker.executable").map { WorkerRole.program($0, in: folder) }
    }

    func with(label: Label, slots: Int) -> PoolRole {
        var pool = self
        pool.label = label
        pool.slots = slots
        return pool
    }

    /// The setting `worker.executable` is of `worker.browser` alone, and of the driver in kind `bidi`.
    mutating func forgetForeignExecutable(unlessGiven isGiven: Bool, base: PoolRole) {
        let isForeign = servedBrowser != base.browser || (kind == .bidi) != (base.kind == .bidi)
        if isForeign && !isGiven { executable = nil }
    }

    public var seating: Seating {
        // One sidecar that is no process has all seats, and is never replaced.
        if kind == .lease { return Seating(mode: .shared(seats: slots, sessionsMax: .max)) }
        // Endpoints cannot be replaced, and there are no others.
        if kind == .attach { return Seating(mode: isShared ? .shared(seats: sessions, sessionsMax: .max) : .dedicated) }
        return Seating(
            mode: isShared ? .shared(seats: sessions, sessionsMax: maxSessions) : .dedicated,
            spares: warm ?? (isShared ? 0 : 1), ageMaxMilliseconds: maxAgeMilliseconds.map { UInt64($0) })
    }

    /// The browser that the pool serves: the one of its kind, else the label's second segment, else `browser`.
    public var servedBrowser: String { kind == .chromium ? "chromium" : PoolConfig.browser(of: label) ?? browser }

    /// The number of slots that follows from names or endpoints.
    var slotsImplied: Int? {
        switch kind {
        case .lease: names.isEmpty ? nil : names.count
        case .attach: attach.isEmpty ? nil : attach.count * (isShared ? sessions : 1)
        case .playwright, .chromium, .bidi, .command: nil
        }
    }

    /// The protocol that clients speak there.
    public var servedProtocol: SlotProtocol {
        switch kind {
        case .playwright: .playwright
        case .chromium: .cdp
        case .bidi: .bidi
        case .command, .attach: namedProtocol ?? .raw
        case .lease: .lease
        }
    }

    /// Berth does not know what the sidecars serve, so the file says it.
    var isNamed: Bool { kind == .command || kind == .attach }

    /// True for `1.65`.
    static func isPlaywrightVersion(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 2
            && parts.allSatisfy { (1...6).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
    }

    /// Playwright's clients ask for a browser and a version, so a pool without them would serve none.
    private var playwrightObjection: String? {
        guard isNamed else { return nil }
        if servedProtocol == .playwright && (namedBrowser == nil || namedVersion == nil) {
            return
                "pool \(label): protocol playwright needs the browser and the version that clients ask for, such as "
                + "browser: chromium, version: 1.65"
        }
        if servedProtocol != .playwright && namedVersion != nil {
            return "pool \(label): version is that of Playwright: write protocol: playwright, or leave version out"
        }
        return nil
    }

    /// A word for a terminal: the browser or the program that clients get there.
    public var served: String {
        switch kind {
        case .playwright, .chromium, .bidi: servedBrowser
        case .command: command.first ?? "command"
        case .attach, .lease: kind.rawValue
        }
    }

    /// Says in words why the pool cannot be served; `nil` if it can.
    var objection: String? {
        if kind == .command && command.isEmpty { return "pool \(label): kind command needs a command" }
        if let named = PoolConfig.browser(of: label), kind == .chromium, named != "chromium" {
            return "pool \(label) is named after \(named), and kind chromium serves chromium: change one of the two"
        }
        if kind == .attach && attach.isEmpty {
            return "pool \(label): kind attach needs endpoints: attach: [\"ws://10.0.0.7:9222/…\"] in the table pools"
        }
        if kind == .bidi && servedBrowser == "webkit" {
            return "pool \(label): kind bidi serves chromium and firefox, not webkit: change the browser or the kind"
        }
        if let namedProtocol, namedProtocol != servedProtocol {
            return "pool \(label): kind \(kind.rawValue) speaks \(servedProtocol.rawValue): leave out the protocol"
        }
        if let playwrightObjection { return playwrightObjection }
        if isShared && (servedProtocol == .cdp || servedProtocol == .bidi) {
            return
                "pool \(label): protocol \(servedProtocol.rawValue) has no mode: shared, because clients of one browser "
                + "would see each other's pages: write mode: dedicated"
        }
        if isShared && kind != .attach && kind != .lease && maxSessions < sessions {
            return "pool \(label): maxSessions \(maxSessions) is below its sessions at once, \(sessions)"
        }
        return nil
    }
}
