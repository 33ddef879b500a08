import ArgumentParser
import Queue

/// Prints the queue's scripts, so that `make bench-queue`, a Python program, sends Redis the same scripts as gateways
/// do.
struct ScriptsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scripts",
        abstract: "Prints the queue's scripts as Redis gets them, each after a line with its name and its bytes.")

    func run() {
        for script in ScriptLibrary.all {
            print(script.name, script.source.count)
            print(String(decoding: script.source, as: UTF8.self), terminator: "")
        }
    }
}
