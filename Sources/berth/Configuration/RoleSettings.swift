import GatewayCore
import QueueCore
import WorkerCore

/// The settings that both gateways and workers need.
public struct NodeRole: Hashable, Sendable {
    public let fleet: String
    /// The setting, else the host's name with the characters that a name may have.
    public let nodeID: String
    /// Two during a rotation, else one or none. The first one signs, all are accepted.
    public let secrets: [String]

    /// The shortest secret, in characters. An attacker who sees an HMAC on the wire could guess a shorter one.
    public static let secretCharactersMin = 16

    public init(_ settings: Settings, hostName: String) throws(ConfigurationProblems) {
        fleet = settings.text("fleet") ?? "default"
        nodeID = settings.text("node.id") ?? NodeRole.name(from: hostName)
        secrets = settings.text("node.secret").map(NodeRole.secrets) ?? []
        var words: String?
        if secrets.contains("") { words = "holds an empty secret" }
        if secrets.count > 2 { words = "holds more than two secrets" }
        if words == nil, secrets.contains(where: { $0.count < NodeRole.secretCharactersMin }) {
            words =
                "is shorter than \(NodeRole.secretCharactersMin) characters: openssl rand -hex 32 makes a good one"
        }
        if let words { throw ConfigurationProblems([.init(place: settings.place("node.secret"), message: words)]) }
    }

    private static func secrets(_ text: String) -> [String] {
        text.split(separator: ",", omittingEmptySubsequences: false).map { Unseen.trimmed(String($0)) }
    }

    /// For the gateway and the worker of `berth dev`. They share one secret that no other process knows.
    public init(dev nodeID: String, secret: String) {
        fleet = "default"
        self.nodeID = nodeID
        secrets = [secret]
    }

    private static func name(from hostName: String) -> String {
        let text = String(
            String.UnicodeScalarView(hostName.unicodeScalars.prefix(64).map { isName(String($0)) ? $0 : "-" }))
        return text.isEmpty ? "node" : text
    }
}

/// The settings of a gateway.
public struct GatewayRole: Hashable, Sendable {
    /// The files of the certificate, with absolute paths.
    public struct TLS: Hashable, Sendable {
        public let certificate: String
        public let key: String
    }

    public let listen: ListenAddress
    /// Several gateway processes listen on the same address.
    public let reusesPort: Bool
    /// `nil` for plain HTTP.
    public let tls: TLS?
    public let drainTimeoutMilliseconds: Int
    /// `nil` for the client's whole wait.
    public let noWorkerWaitMilliseconds: Int?
    public let defaultBrowser: String
    public let tenancy: Tenancy

    /// Each look at a waiter is a call to Redis.
    public static let noWorkerWaitMillisecondsMin = 1_000

    /// - Parameter listenName: `gateway.listen`, or `dev.listen` for `berth dev`.
    public init(_ settings: Settings, listenName: String = "gateway.listen") throws(ConfigurationProblems) {
        drainTimeoutMilliseconds = settings.milliseconds("gateway.drainTimeout")
        noWorkerWaitMilliseconds = settings.text("gateway.noWorkerWait").flatMap(DurationText.milliseconds)
        if let wait = noWorkerWaitMilliseconds, wait < GatewayRole.noWorkerWaitMillisecondsMin {
            throw ConfigurationProblems([
                .init(place: settings.place("gateway.noWorkerWait"), message: "is shorter than 1s")
            ])
        }
        defaultBrowser = settings.text("gateway.defaultBrowser") ?? "chromium"
        // `berth dev` reads the same file, but does not have this setting.
        let isDev = settings.command == .dev
        reusesPort = !isDev && settings.isTrue("gateway.reusePort")
        let insecureOpen = !isDev && settings.isTrue("gateway.insecureOpen")
        let zeros = settings.texts("scaleFromZero").map(GatewayRole.withBrowserInLowerCase)
        if let words = GatewayRole.objection(toZeros: zeros) {
            throw ConfigurationProblems([.init(place: settings.place("scaleFromZero"), message: words)])
        }
        // The table has checked each text.
        let proxies = settings.texts("gateway.trustedProxies").compactMap { try? AddressRange($0) }
        if proxies.count > TrustedProxies.rangesMax {
            let words = "holds more than \(TrustedProxies.rangesMax) ranges"
            throw ConfigurationProblems([.init(place: settings.place("gateway.trustedProxies"), message: words)])
        }
        tenancy = Tenancy(
            tenants: settings.tenants, defaultLimits: settings.defaults,
            allowedOrigins: Set(settings.texts("gateway.origins")), allowsForeignHosts: insecureOpen,
            policy: settings.text("policy").flatMap(Policy.init) ?? .fifo, scaleFromZero: zeros,
            queueMax: settings.number("maxQueue"), trustedProxies: TrustedProxies(proxies))
        tls = isDev ? nil : try GatewayRole.tls(settings)
        listen = settings.address(listenName, defaultHost: tenancy.isOpen ? "127.0.0.1" : "0.0.0.0")
        if tenancy.isOpen, !listen.isLoopback, !insecureOpen {
            let words =
                "\(listen) is open to everybody who reaches it, and no tenant has a key: give tenants keys in berth.yaml, "
                + (isDev ? "or listen on 127.0.0.1" : "listen on 127.0.0.1, or say --insecure-open")
            throw ConfigurationProblems([.init(place: settings.place(listenName), message: words)])
        }
    }

    private static func tls(_ settings: Settings) throws(ConfigurationProblems) -> TLS? {
        switch (settings.path("tls.certificate"), settings.path("tls.key")) {
        case (nil, nil): return nil
        case (let certificate?, let key?):
            return TLS(certificate: certificate, key: key)
        case (_?, nil):
            let words = "has no key: set tls.key too, or neither"
            throw ConfigurationProblems([.init(place: settings.place("tls.certificate"), message: words)])
        case (nil, _?):
            let words = "has no certificate: set tls.certificate too, or neither"
            throw ConfigurationProblems([.init(place: settings.place("tls.key"), message: words)])
        }
    }

    /// A pool's browser is written in lower case.
    private static func withBrowserInLowerCase(_ zero: String) -> String {
        guard let bar = zero.firstIndex(of: "|") else { return zero }
        return zero[..<bar] + zero[bar...].lowercased()
    }

    /// Says in words why the list of pools that scale from zero is not valid; `nil` if it is.
    private static func objection(toZeros zeros: [String]) -> String? {
        guard zeros.count <= QueueLimits.zerosMax else { return "holds more than \(QueueLimits.zerosMax) labels" }
        for zero in zeros {
            let parts = zero.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard Label(parts[0]) != nil else { return "'\(zero)' is no label, like AppA:Chromium, or label|browser" }
            if parts.count == 2, !Pool.playwrightBrowsers.contains(parts[1]) {
                return "'\(zero)': \(Spelling.unknown("browser", parts[1], known: Pool.playwrightBrowsers))"
            }
        }
        return nil
    }
}

/// Paths must be absolute, because each sidecar runs in a folder of its own.
func absolute(_ path: String, in folder: String) -> String {
    path.hasPrefix("/") ? path : "\(folder == "/" ? "" : folder)/\(path)"
}

extension Settings {
    /// The address, with the default host if it names none. The table has checked its form.
    func address(_ name: String, defaultHost: String) -> ListenAddress {
        let address = text(name).flatMap(ListenAddress.init) ?? ListenAddress(host: "", port: 0)
        switch address.host {
        case "": return ListenAddress(host: defaultHost, port: address.port)
        case "localhost": return ListenAddress(host: "127.0.0.1", port: address.port)
        default: return address
        }
    }
}
