import ArgumentParser
import Configuration
import EventLoop
import SlotRun
import Terminal

struct HealthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Asks a gateway or a worker of this machine whether it is ready.",
        discussion: """
            For the health check of a container: it asks /readyz of the admin listener. Exits 0 if the process is ready, and 1 \
            with the reasons on standard error if it is not ready or does not answer.
            """)

    private static let listenDefault = ListenAddress(host: "127.0.0.1", port: 9090)

    @Option(
        help: ArgumentHelp(
            "The admin listener. (default: BERTH_ADMIN_LISTEN, else http://127.0.0.1:9090)", valueName: "url"))
    var admin: String?

    /// A process that listens on all addresses is asked on loopback.
    private static func localURL(of text: String?) -> String {
        let listen = text.flatMap { ListenAddress($0) } ?? listenDefault
        let hosts = ["": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"]
        return "http://\(ListenAddress(host: hosts[listen.host] ?? listen.host, port: listen.port))"
    }

    func run() throws {
        let loop = try Loop()
        let admin = admin ?? Self.localURL(of: Host.environment["BERTH_ADMIN_LISTEN"])
        let probe = ReadyProbe(loop: loop, GatewayAddress(admin))
        _ = loop.run(until: { probe.verdict != nil }, timeoutMilliseconds: ReadyProbe.timeoutMilliseconds)
        switch probe.verdict {
        case .ready: return
        case .not(let words): throw Fatal(words)
        case nil: throw Fatal("\(admin) did not answer in \(ReadyProbe.timeoutMilliseconds / 1_000) s")
        }
    }
}

/// One question to an admin listener.
private final class ReadyProbe {
    enum Verdict {
        case ready
        case not(String)
    }

    static let timeoutMilliseconds: UInt64 = 5_000
    private static let answerBytesMax = 16_384

    private(set) var verdict: Verdict?
    private let address: GatewayAddress
    private let resolver: Resolver
    private var call: GatewayCall?
    private var bytes: [UInt8] = []

    init(loop: Loop, _ address: GatewayAddress) {
        self.address = address
        resolver = Resolver(loop: loop)
        let request = "GET /readyz HTTP/1.1\r\nHost: \(address.authority)\r\nConnection: close\r\n\r\n"
        call = GatewayCall(
            loop: loop, resolver: resolver, address: address, authorities: nil, request: Array(request.utf8)
        ) { [self] event in
            switch event {
            case .received(let more):
                bytes += more.prefix(ReadyProbe.answerBytesMax - bytes.count)
            case .ended(let words, _):
                call = nil
                verdict = answer ?? .not(words)
            }
        }
    }

    /// Nil if nothing came.
    private var answer: Verdict? {
        guard !bytes.isEmpty else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        let words = parts[0].split(separator: " ")
        guard parts.count == 2, words.count > 1, words[0] == "HTTP/1.1", let status = Int(words[1].prefix(3)) else {
            return .not("\(address.authority) is no admin listener: its answer is not HTTP/1.1")
        }
        if status == 200 { return .ready }
        let reasons = parts[1].split(whereSeparator: \.isNewline).joined(separator: ", ")
        return .not(Printable.text("not ready (\(status)): \(reasons)"))
    }
}
