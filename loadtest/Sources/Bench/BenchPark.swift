import ArgumentParser
import EventLoop
import Glibc

/// Connections that wait: opened, their heads sent, and held until standard input ends. Says `sent` when all heads are
/// out. Whoever is served holds its slot; a refusal ends the run.
struct BenchParkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "park", abstract: "Holds many connections that wait for a slot, until standard input ends.")

    @Option(help: "The proxy, host:port.")
    var to: String

    @Option(help: "The target all ask for.")
    var target = "/echo"

    @Option(help: "How many connections.")
    var connections = 10_000

    /// So many are being connected at once: fewer than the shortest usual backlog.
    private static let connectingMax = 100

    func run() throws {
        let loop = try Loop()
        let address = try SocketAddress.argument(to)
        _ = SystemLimits.openFilesLimit()
        var links: [BenchLink] = []
        var sent = 0
        var failure: BenchLink.Failure?
        func fail(_ reason: BenchLink.Failure) {
            failure = reason
            loop.stop()
        }
        func open() {
            guard links.count < connections else { return }
            let link = BenchLink(loop: loop, to: address, target: target) { if let reason = $0 { fail(reason) } }
            link.onLoss = { fail($0) }
            link.onSent = {
                sent += 1
                if sent == connections { loop.stop() } else { open() }
            }
            links.append(link)
        }
        for _ in 0..<min(BenchParkCommand.connectingMax, connections) { open() }
        loop.run()
        if let failure { throw BenchError("refused after \(sent) connections: \(failure)") }
        BenchCommand.say(
            "{\"event\":\"sent\",\"connections\":\(sent),\"head_bytes\":\(BenchHead.text(target: target).utf8.count)}")
        while readLine() != nil {}
    }
}
