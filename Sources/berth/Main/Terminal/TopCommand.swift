import ArgumentParser
import QueueCore
import Terminal

struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Shows the fleet, read again each second: who waits and why, then a table.",
        discussion: """
            Keys: p pools, t tenants, w workers, l line, s sessions, < and > sort by another column, r reverses, q quits. The \
            view is plain if standard output is no terminal. Exits 0, 2 if Redis could not be asked, or 128 plus the number \
            of the signal that ended it.
            """)

    @OptionGroup var file: FileOptions
    @OptionGroup var fleet: FleetOptions
    @Flag(help: "Print one JSON object each second, as berth status --json does.") var json = false
    @Flag(help: "Print each second, without control codes.") var plain = false
    @Flag(help: "Print once.") var once = false
    @Option(help: ArgumentHelp("Sort by this column, the largest first.", valueName: "column")) var sort: String?
    @Argument(help: "The table.") var section = Section.pools

    func validate() throws { _ = try section.column(sort) }

    func run() throws {
        let call = FleetCall(.top, file, fleet)
        let driver = TopDriver(call, TopScreen(section, sort: try section.column(sort)))
        if json || plain || once || !Output.isScreen {
            driver.print(once: once) { view, top in
                if json { return Printable.json(view.statusJSON) + "\n" }
                let lines = top.lines(view, fleet: call.fleet)
                return lines.map { $0.text(inColour: !plain && Output.isColoured) + "\n" }.joined() + (once ? "" : "\n")
            }
        }
        try driver.show()
    }
}
