import ArgumentParser

struct DevCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "dev")
}
