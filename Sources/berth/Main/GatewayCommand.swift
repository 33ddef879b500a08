import ArgumentParser

struct GatewayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "gateway")
}
