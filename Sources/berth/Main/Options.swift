import ArgumentParser
import Configuration

// The table of settings has the name and the help of each flag. This file says which command takes which flag.

extension NameSpecification {
    /// The flag of a setting.
    static func setting(_ name: String) -> NameSpecification {
        [.customLong(bare(Setting.named(name)?.flag))]
    }

    /// The flag for the file of a secret.
    static func fileOf(_ name: String) -> NameSpecification {
        [.customLong(bare(Setting.named(name)?.fileFlag))]
    }

    private static func bare(_ flag: String?) -> String {
        guard let flag else { preconditionFailure("a setting without a flag is no option") }
        return String(flag.dropFirst(2))
    }
}

extension ArgumentHelp {
    static func setting(_ name: String) -> ArgumentHelp {
        guard let setting = Setting.named(name) else { preconditionFailure("no setting is called \(name)") }
        let shown = setting.kind == .yesNo ? "" : " (default: \(setting.defaultWords))"
        return ArgumentHelp("\(setting.doc)\(shown)", valueName: setting.isRepeatable ? "value" : setting.helpValue)
    }
}

extension Setting {
    fileprivate var helpValue: String {
        switch kind {
        case .address: "host:port"
        case .duration: "duration"
        case .bytes: "bytes"
        case .count: "n"
        case .secret: "url"
        default: "value"
        }
    }
}

struct FileOptions: ParsableArguments {
    @Option(
        name: .customLong("config"),
        help: "The configuration file (default: BERTH_CONFIG, else berth.yaml if there is one).")
    var config: String?
}

struct FleetOptions: ParsableArguments {
    @Option(name: .setting("redis.url"), help: .setting("redis.url")) var redis: String?
    @Option(name: .setting("redis.ca"), help: .setting("redis.ca")) var authorities: String?
    @Option(name: .setting("fleet"), help: .setting("fleet")) var fleet: String?

    var flags: Flags { ["redis.url": redis.list, "redis.ca": authorities.list, "fleet": fleet.list] }
}

struct TLSOptions: ParsableArguments {
    @Option(name: .setting("tls.certificate"), help: .setting("tls.certificate")) var certificate: String?
    @Option(name: .setting("tls.key"), help: .setting("tls.key")) var key: String?

    var flags: Flags { ["tls.certificate": certificate.list, "tls.key": key.list] }
}

struct NodeOptions: ParsableArguments {
    @Option(name: .setting("node.id"), help: .setting("node.id")) var id: String?
    @Option(name: .fileOf("node.secret"), help: "A file that holds the node secret; see NODE_SECRET.") var secretFile:
        String?

    var flags: Flags { ["node.id": id.list, "node.secretFile": secretFile.list] }
}

struct LogOptions: ParsableArguments {
    @Option(name: .setting("log.level"), help: .setting("log.level")) var level: String?
    @Option(name: .setting("log.format"), help: .setting("log.format")) var format: String?

    var flags: Flags { ["log.level": level.list, "log.format": format.list] }
}

struct ClientOptions: ParsableArguments {
    @Option(name: .setting("gateway.origins"), help: .setting("gateway.origins")) var origin: [String] = []
    @Option(name: .setting("gateway.defaultBrowser"), help: .setting("gateway.defaultBrowser")) var browser: String?
    @Option(
        name: .customLong("tenant"),
        help: "A tenant, besides those of the file: acme:cap=5,maxWait=2m,key=<SHA-256>. Repeatable.") var tenants:
        [String] = []

    var flags: Flags { ["gateway.origins": origin, "gateway.defaultBrowser": browser.list] }
}

struct SidecarOptions: ParsableArguments {
    @Option(name: .setting("worker.kind"), help: .setting("worker.kind")) var kind: String?
    @Option(name: .setting("worker.pools"), help: .setting("worker.pools")) var pools: [String] = []
    @Option(name: .setting("node.region"), help: .setting("node.region")) var region: String?
    @Option(name: .setting("worker.mode"), help: .setting("worker.mode")) var mode: String?
    @Option(name: .setting("worker.sessions"), help: .setting("worker.sessions")) var sessions: String?
    @Option(name: .setting("worker.maxSessions"), help: .setting("worker.maxSessions")) var maxSessions: String?
    @Option(name: .setting("worker.warm"), help: .setting("worker.warm")) var warm: String?
    @Option(name: .setting("worker.command"), help: .setting("worker.command")) var command: String?
    @Option(name: .setting("worker.browser"), help: .setting("worker.browser")) var browser: String?
    @Option(name: .setting("worker.playwrightDriver"), help: .setting("worker.playwrightDriver")) var driver: String?
    @Option(name: .setting("worker.executable"), help: .setting("worker.executable")) var executable: String?

    var flags: Flags {
        [
            "worker.kind": kind.list, "worker.pools": pools, "node.region": region.list, "worker.mode": mode.list,
            "worker.sessions": sessions.list, "worker.maxSessions": maxSessions.list, "worker.warm": warm.list,
            "worker.command": command.list, "worker.browser": browser.list,
            "worker.playwrightDriver": driver.list, "worker.executable": executable.list,
        ]
    }
}

/// The values of the command line, by the setting's name.
typealias Flags = [String: [String]]

extension Optional where Wrapped == String {
    var list: [String] { map { [$0] } ?? [] }
}
