import ArgumentParser
import EventLoop
import Worker

@main
enum Program {
    static func main() {
        ChromiumLauncher.launchIfAsked()
        StandardDescriptors.openClosed()
        Berth.main()
    }
}

struct Berth: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "berth",
        abstract: "Holds client connections for scarce workers: one queue, first in first out, tenants at their caps.",
        version: "0.1.0",
        subcommands: [
            GatewayCommand.self, WorkerCommand.self, DevCommand.self, RunCommand.self, StatusCommand.self,
            TopCommand.self, PoolsCommand.self, TenantsCommand.self, WorkersCommand.self, WaitersCommand.self,
            SessionsCommand.self, DrainCommand.self, PauseCommand.self, ResumeCommand.self, CancelCommand.self,
            CapCommand.self, AuditCommand.self, DoctorCommand.self, HealthCommand.self, ConfigCommand.self,
        ])
}
