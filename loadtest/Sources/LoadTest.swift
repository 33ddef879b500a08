import ArgumentParser

@main
struct LoadTest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loadtest", abstract: "What tests and benchmarks of Berth load it with.",
        subcommands: [EchoCommand.self, BenchCommand.self, ScriptsCommand.self])
}
