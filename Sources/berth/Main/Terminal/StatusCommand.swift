import ArgumentParser
import Terminal

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Prints the fleet: who waits and why, pools, workers and gateways.",
        discussion: "Exits 0, or 2 if Redis could not be asked.")

    @OptionGroup var file: FileOptions
    @OptionGroup var fleet: FleetOptions
    @Flag(help: "Print one JSON object, with the line.") var json = false
    @Option(help: "With --json: the most waiters of the line.") var waiters = 100

    func run() {
        let call = FleetCall(.status, file, fleet)
        let view = call.view(waiters: json ? max(0, waiters) : 0)
        if json { return Output.write(json: view.statusJSON) }
        Output.write(StatusScreen.lines(view, fleet: call.fleet))
    }
}
