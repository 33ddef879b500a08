import ArgumentParser
import EventLoop
import Glibc

/// Connections that wait. Each line of standard input is a number: the program opens that many more connections, sends
/// their heads, and prints one JSON line. It holds all connections until standard input ends. A client that is served
/// keeps its slot. A refusal ends the run.
struct BenchParkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "park", abstract: "Holds many connections that wait for a slot; numbers on standard input.")

    @Option(help: "The proxy, host:port.")
    var to: String

    @Option(help: "Connect by TLS, and trust the certificates of this file.")
    var authority: String?

    @Option(help: "The target all ask for.")
    var target = "/echo"

    func run() throws {
        _ = SystemLimits.openFilesLimit()
        let park = BenchPark(
            loop: try Loop(), address: try .argument(to), tls: try authority.map { try TLSContext(trusting: $0) },
            target: target)
        let headBytes = BenchHead.text(target: target).utf8.count
        while let line = readLine() {
            guard let count = Int(line), count > 0 else { throw ValidationError("not a number: \(line)") }
            try park.add(count)
            BenchCommand.say("{\"connections\":\(park.sent),\"head_bytes\":\(headBytes)}")
        }
    }
}

final class BenchPark {
    /// Connections under way at once: fewer than the shortest usual backlog.
    private static let connectingMax = 100

    private let loop: Loop
    private let address: SocketAddress
    private let tls: TLSContext?
    private let target: String
    private var links: [BenchLink] = []
    private(set) var sent = 0
    private var wanted = 0
    private var failure: BenchLink.Failure?

    init(loop: Loop, address: SocketAddress, tls: TLSContext?, target: String) {
        self.tls = tls
        self.loop = loop
        self.address = address
        self.target = target
    }

    func add(_ count: Int) throws {
        wanted += count
        for _ in 0..<min(BenchPark.connectingMax, count) { open() }
        loop.run()
        if let failure { throw BenchError("refused after \(sent) connections: \(failure)") }
    }

    private func open() {
        guard links.count < wanted else { return }
        let link = BenchLink(loop: loop, to: address, tls: tls, target: target) { [self] in
            if let reason = $0 { fail(reason) }
        }
        link.onLoss = { [self] in fail($0) }
        link.onSent = { [self] in
            sent += 1
            if sent == wanted { loop.stop() } else { open() }
        }
        links.append(link)
    }

    private func fail(_ reason: BenchLink.Failure) {
        failure = reason
        loop.stop()
    }
}
