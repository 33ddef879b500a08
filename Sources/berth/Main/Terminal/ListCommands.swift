import AdminCore
import ArgumentParser
import Configuration
import Queue
import QueueCore
import Terminal

struct PoolsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pools", abstract: "Lists the pools: their slots by state, and the clients that wait for them.",
        discussion: listCodes)
    @OptionGroup var list: ListOptions

    func validate() throws { try list.check(.pools) }
    func run() { list.show(.pools) }
}

struct TenantsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenants",
        abstract: "Lists the tenants: what they hold, their caps, who waits and why, and what they used today.",
        discussion: listCodes)
    @OptionGroup var list: ListOptions

    func validate() throws { try list.check(.tenants) }
    func run() { list.show(.tenants) }
}

struct WorkersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "Lists the workers: their state, slots, age, version and troubles.",
        discussion: listCodes)
    @OptionGroup var list: ListOptions

    func validate() throws { try list.check(.workers) }
    func run() { list.show(.workers) }
}

struct SessionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions",
        abstract: "Lists the sessions: whose they are, which slots they hold, and for how long.",
        discussion: listCodes)
    @OptionGroup var list: ListOptions

    func validate() throws { try list.check(.sessions) }
    func run() { list.show(.sessions) }
}

struct WaitersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "waiters",
        abstract: "Lists the clients that wait, in the order of the line: how long, why, and how long it may take.",
        discussion: listCodes)
    @OptionGroup var list: ListOptions
    @Option(help: "The most waiters to list.") var limit = 100

    func validate() throws {
        try list.check(.waiters)
        guard (1...FleetAnswers.listedWaitersMax).contains(limit) else {
            throw ValidationError("--limit is a number from 1 to \(FleetAnswers.listedWaitersMax)")
        }
    }

    func run() { list.show(.waiters, limit: limit) }
}

private let listCodes = "Exits 0, or 2 if Redis could not be asked."

struct ListOptions: ParsableArguments {
    @OptionGroup var file: FileOptions
    @OptionGroup var fleet: FleetOptions
    @Flag(help: "Print one JSON object, as the admin listener answers it.") var json = false
    @Option(help: ArgumentHelp("Sort by this column, the largest first.", valueName: "column")) var sort: String?

    func check(_ section: Section) throws { _ = try section.column(sort) }

    func show(_ section: Section, limit: Int = 0) {
        let call = FleetCall(section.command, file, fleet)
        let (view, places) = call.ask { $0.fleetWithPlaces(waiters: limit, done: $1) }
        if json {
            let answer = try? FleetAnswers.answer(
                section.answer, view, query: AdminQuery(), places: places, AdminFacts(), redisMilliseconds: 0)
            return Output.write(answer ?? .null)
        }
        var table = section.table(view, places: places)
        if let column = try? section.column(sort) { table.sort(by: column) }
        Output.write(table.styledLines())
    }
}

extension Section: ExpressibleByArgument {}

extension Section {
    /// The column of that name; nil without a name.
    func column(_ name: String?) throws -> Int? {
        guard let name else { return nil }
        let names = table(FleetView()).sortNames
        guard let at = names.firstIndex(of: name.lowercased()) else {
            throw ValidationError("--sort is one of \(names.joined(separator: ", "))")
        }
        return at
    }

    var command: Setting.Command {
        switch self {
        case .pools: .pools
        case .tenants: .tenants
        case .workers: .workers
        case .waiters: .waiters
        case .sessions: .sessions
        }
    }

    fileprivate var answer: AdminEndpoint.View {
        switch self {
        case .pools: .pools
        case .tenants: .tenants
        case .workers: .workers
        case .waiters: .waiters
        case .sessions: .sessions
        }
    }
}
