import ArgumentParser
import EventLoop
import Glibc

/// The client side of the relay benchmark: two sets of connections through one proxy. They are made once. Lines on
/// standard input start measurements, so that several proxies are measured by turns without new handshakes.
///
/// ```
/// ping <bytes> <warm-up ms> <measured ms> <pid,pid…>    one message in flight on each connection of the first set
/// bulk <warm-up ms> <measured ms> <pid,pid…>            the peer streams to each connection of the second set
/// ```
/// The answer to each is one JSON line: operations (messages or bytes), seconds, CPU seconds of those processes.
struct BenchLoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Ping-pong and bulk over many connections; commands on standard input.")

    @Option(help: "The proxy, host:port.")
    var to: String

    @Option(help: "What the targets /echo and /source are appended to.")
    var prefix = ""

    @Option(help: "Connect by TLS, and trust the certificates of this file.")
    var authority: String?

    @Option(help: "Connections of each set.")
    var connections = 64

    func run() throws {
        let load = BenchLoad(loop: try Loop())
        let tls = try authority.map { try TLSContext(trusting: $0) }
        try load.open(to: .argument(to), tls: tls, prefix: prefix, count: connections)
        BenchCommand.say("{\"event\":\"open\",\"connections\":\(connections * 2)}")
        while let line = readLine() {
            let words = line.split(separator: " ")
            let numbers = words.dropFirst().dropLast().compactMap { UInt64($0) }
            let pids = words.last?.split(separator: ",").compactMap { Int($0) } ?? []
            let result: BenchLoad.Result
            switch (words.first, numbers.count) {
            case ("ping", 3):
                result = load.ping(bytes: Int(numbers[0]), warmUp: numbers[1], measured: numbers[2], pids: pids)
            case ("bulk", 2): result = load.bulk(warmUp: numbers[0], measured: numbers[1], pids: pids)
            default: throw ValidationError("unknown command: \(line)")
            }
            if let failure = load.failure { throw BenchError("a connection ended: \(failure)") }
            BenchCommand.say(result.json)
        }
    }
}

final class BenchLoad {
    struct Result {
        var operations = 0
        var seconds = 0.0
        var cpuSeconds = 0.0

        var json: String {
            "{\"operations\":\(operations),\"seconds\":\(seconds),\"cpu_seconds\":\(cpuSeconds)}"
        }
    }

    private let loop: Loop
    private var echoes: [BenchLink] = []
    private var sources: [BenchLink] = []
    private(set) var failure: BenchLink.Failure?

    init(loop: Loop) { self.loop = loop }

    func open(to address: SocketAddress, tls: TLSContext?, prefix: String, count: Int) throws {
        var waiting = count * 2
        for target in ["/echo", "/source"] {
            let set = (0..<count).map { _ in
                BenchLink(loop: loop, to: address, tls: tls, target: prefix + target) { [self] failure in
                    waiting -= 1
                    if let failure { self.failure = failure }
                    if waiting == 0 || failure != nil { loop.stop() }
                }
            }
            for link in set {
                link.onLoss = { [self] in
                    failure = $0
                    loop.stop()
                }
            }
            if target == "/echo" { echoes = set } else { sources = set }
        }
        loop.run()
        if let failure { throw BenchError("cannot connect through \(address): \(failure)") }
    }

    func ping(bytes: Int, warmUp: UInt64, measured: UInt64, pids: [Int]) -> Result {
        let message = BenchFrame.filled(bytes: bytes)
        defer { message.deallocate() }
        var count = 0
        var isOver = false
        var flying = echoes.count
        for link in echoes {
            link.onRoundTrip = { [self] in
                count += 1
                guard isOver else { return true }
                flying -= 1
                if flying == 0 { loop.stop() }
                return false
            }
            link.ping(message)
        }
        return measure(warmUp, measured, pids, count: { count }, over: { isOver = true })
    }

    func bulk(warmUp: UInt64, measured: UInt64, pids: [Int]) -> Result {
        for link in sources { link.stream(true) }
        let received = { [self] in sources.reduce(0) { $0 + $1.bytesReceived } }
        return measure(warmUp, measured, pids, count: received) { [self] in
            for link in sources { link.stream(false) }
            // Bytes still come that were sent before the stop. The run ends when none come any more.
            var before = received()
            var quiet: Timer?
            quiet = loop.schedule(after: 100, repeating: 100) { [self] in
                if received() == before {
                    quiet?.cancel()
                    loop.stop()
                }
                before = received()
            }
        }
    }

    /// Runs the loop for the warm-up and the measured time. `over` must stop the loop.
    private func measure(
        _ warmUp: UInt64, _ measured: UInt64, _ pids: [Int], count: @escaping () -> Int, over: @escaping () -> Void
    ) -> Result {
        var result = Result()
        loop.schedule(after: warmUp) { [self] in
            let operations = count()
            let began = ProcessSample.monotonicSeconds()
            let cpu = ProcessSample.cpuSeconds(of: pids)
            loop.schedule(after: measured) {
                result.seconds = ProcessSample.monotonicSeconds() - began
                result.cpuSeconds = ProcessSample.cpuSeconds(of: pids) - cpu
                result.operations = count() - operations
                over()
            }
        }
        loop.run()
        return result
    }
}
