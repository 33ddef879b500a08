import ArgumentParser
import Glibc

@main
struct LoadTest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loadtest",
        abstract: "Load tests for gateways that hold connections, and the parts of Berth's benchmarks.",
        subcommands: [
            RunCommand.self, ScenariosCommand.self, CompareCommand.self, PlotCommand.self, EchoCommand.self,
            BenchCommand.self,
            ScriptsCommand.self,
        ])
}
