import ArgumentParser
import EventLoop
import Glibc
import LoadTestCore

struct PlotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plot",
        abstract: "Draws results: waits, queue and slots, shares of tenants, memory.",
        discussion: "It needs a Python with matplotlib.")

    @Argument(help: "Results of `loadtest run --out`; several are drawn side by side.")
    var results: [String]

    @Option(help: "The folder for the pictures.")
    var out = "plots"

    @Option(help: "The Python. The default is .venv/bin/python in this folder, else python3.")
    var python: String?

    /// As many lines as there are colours.
    private static let resultsMax = 6

    func validate() throws {
        guard results.count <= PlotCommand.resultsMax else {
            throw ValidationError("at most \(PlotCommand.resultsMax) results fit into one picture")
        }
    }

    func run() throws {
        for path in results { _ = try ResultFile.read(path) }
        let own = ".venv/bin/python"
        let program = python ?? (Files.isExecutable(own) ? own : "python3")
        let script = String(decoding: PackageResources.plot_py, as: UTF8.self)
        var arguments = ([program, "-c", script, out] + results).map { strdup($0) }
        arguments.append(nil)
        execvp(program, arguments)
        throw LoadFailure("\(program) does not start: \(String(cString: strerror(errno)))")
    }
}
