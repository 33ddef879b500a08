import AdminCore
import ArgumentParser
import HTTPCore
import Queue
import QueueCore
import Terminal

private let orderCodes =
    "Exits 0 when the order is taken, 1 if there is no such thing, 2 if Redis could not be asked."

struct OrderOptions: ParsableArguments {
    @OptionGroup var file: FileOptions
    @OptionGroup var fleet: FleetOptions
    @Flag(help: "Print one JSON object.") var json = false

    func tell(_ words: String, _ object: JSONValue) {
        if json { return Output.write(object) }
        print(Printable.text(words))
    }
}

/// A label, or a pool of it.
private func checkPool(_ name: String) throws {
    guard Label(String(name.prefix { $0 != "|" })) != nil else {
        throw ValidationError(
            "'\(Printable.text(name))' is no label, like AppA:Chromium, and no label|browser|version|protocol")
    }
}

struct PauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Stops grants of a pool, or of all pools of a label.",
        discussion: "Clients stay in the line, new ones join it, and sessions continue. " + orderCodes)

    @OptionGroup var order: OrderOptions
    @Argument(help: "A label, or a whole pool: 'label|browser|version|protocol'.") var pool: String

    func validate() throws { try checkPool(pool) }

    func run() throws {
        try FleetCall(.pause, order.file, order.fleet).order { $0.pause(pool, done: $1) }
        order.tell("\(pool) is paused: berth resume ends it", ["pool": .text(pool), "paused": .flag(true)])
    }
}

struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Ends a pause.", discussion: orderCodes)

    @OptionGroup var order: OrderOptions
    @Argument(help: "The label or pool, as it was paused.") var pool: String

    func validate() throws { try checkPool(pool) }

    func run() throws {
        let call = FleetCall(.resume, order.file, order.fleet)
        let pauses = call.view().pauses
        guard pauses.contains(pool) else {
            let there = pauses.isEmpty ? "Nothing is" : "Paused: \(pauses.joined(separator: ", "))"
            throw Fatal(Printable.text("\(pool) is not paused. \(there)"))
        }
        try call.order { $0.resume(pool, done: $1) }
        order.tell("\(pool) is served again", ["pool": .text(pool), "paused": .flag(false)])
    }
}

struct CancelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Ends a waiter or a session. Its client is told that it was ended by request.",
        discussion: orderCodes)

    @OptionGroup var order: OrderOptions
    @Argument(help: "The id, or its first 8 characters or more, as berth waiters and berth sessions print them.")
    var id: String

    func run() throws {
        let call = FleetCall(.cancel, order.file, order.fleet)
        let target = try target(call)
        guard try call.order({ $0.end(target, done: $1) }) else { throw Self.nobody(id) }
        let whole = target.id
        order.tell("\(ShortID.text(whole)) is ended", ["ended": .text(whole)])
    }

    private func target(_ call: FleetCall) throws -> EndTarget {
        if let waiter = WaiterID(id) { return .waiter(waiter.text) }
        if let lease = LeaseID(id) { return .lease(lease) }
        switch ShortID.find(id, in: call.view(waiters: FleetAnswers.listedWaitersMax)) {
        case .waiter(let id): return .waiter(id)
        case .session(let lease): return .lease(lease)
        case .nothing: throw Self.nobody(id)
        case .several(let ids):
            throw Fatal(Printable.text("\(id) is the begin of several: \(ids.joined(separator: ", "))"))
        case .noID:
            throw Fatal(
                Printable.text(
                    "'\(id)' is no id of a waiter or a session, nor the first \(ShortID.idCharactersMin) characters of one"
                ))
        }
    }

    private static func nobody(_ id: String) -> Fatal {
        Fatal("No waiter and no session has the id \(id); it may have ended")
    }
}

extension EndTarget {
    fileprivate var id: String {
        switch self {
        case .waiter(let id): id
        case .lease(let lease): lease.description
        case .run, .tenant: ""
        }
    }
}

struct CapCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cap", abstract: "Sets how many slots a tenant may hold at once.",
        discussion: """
            The order holds until it is reset, or until a configuration file changes its own limits of the tenant. A lower cap \
            ends no session. \(orderCodes)
            """)

    @OptionGroup var order: OrderOptions
    @Flag(help: "Take all orders about the tenant back: the file's limits apply again.") var reset = false
    @Argument(help: "The tenant; * for all tenants without limits of their own.") var tenant: String
    @Argument(help: "The cap.") var slots: Int?

    func validate() throws {
        guard reset != (slots != nil) else { throw ValidationError("Name the cap, or say --reset") }
        guard (0...TenantLimits.default.cap).contains(slots ?? 0) else {
            throw ValidationError("The cap is a number from 0 to \(TenantLimits.default.cap)")
        }
        guard tenant == "*" || isName(tenant) else {
            throw ValidationError("A tenant's name is 1–64 characters of A–Z a–z 0–9 . _ -")
        }
    }

    func run() throws {
        let call = FleetCall(.cap, order.file, order.fleet)
        var limits: TenantLimits?
        if let slots {
            var changed = call.view().limits(of: tenant)
            guard changed.guarantee <= slots else {
                throw Fatal("\(tenant) has a guarantee of \(changed.guarantee) slots: its cap cannot be less")
            }
            changed.cap = slots
            limits = changed
        }
        try call.order { $0.setLimits(limits, of: tenant, done: $1) }
        let view = call.view()
        let (cap, held) = (view.cap(of: tenant), view.held[tenant] ?? 0)
        let who = tenant == "*" ? "each tenant without limits of its own" : tenant
        let words = cap.map { "\(who) may hold \($0) slots" } ?? "\(who) has no cap"
        order.tell(
            tenant == "*" ? words : "\(words), and holds \(held)",
            ["tenant": .text(tenant), "cap": .optional(cap.map(Int64.init))])
    }
}
