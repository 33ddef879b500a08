import ArgumentParser
import EventLoop
import Glibc
import LoadTestCore

/// The client side of the relay benchmark: three sets of connections through one proxy. They are made once. Lines on
/// standard input start measurements, so that several proxies are measured by turns without new handshakes.
///
/// ```
/// ping <bytes> <connections> <warm-up ms> <measured ms> <pid,pid…>    one message in flight on each of so many
/// down <warm-up ms> <measured ms> <pid,pid…>                          the peer streams to each connection of a set
/// up <warm-up ms> <measured ms> <pid,pid…>                            each connection of a set streams to the peer
/// ```
/// The answer to each is one JSON line: operations (messages or bytes), seconds, CPU seconds of those processes, and of
/// messages the milliseconds there and back.
struct BenchLoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Ping-pong and bulk over many connections; commands on standard input.")

    @Option(help: "The proxy, host:port.")
    var to: String

    @Option(help: "What the targets /echo, /source and /sink are appended to.")
    var prefix = ""

    @Option(help: "Connect by TLS, and trust the certificates of this file.")
    var authority: String?

    @Option(help: "Connections of each set.")
    var connections = 64

    func run() throws {
        let load = BenchLoad(loop: try Loop())
        let tls = try authority.map { try TLSContext(trusting: $0) }
        try load.open(to: .argument(to), tls: tls, prefix: prefix, count: connections)
        BenchCommand.say("{\"event\":\"open\",\"connections\":\(connections * 3)}")
        while let line = readLine() {
            let words = line.split(separator: " ")
            let numbers = words.dropFirst().dropLast().compactMap { UInt64($0) }
            let pids = words.last?.split(separator: ",").compactMap { Int($0) } ?? []
            let result: BenchLoad.Result
            switch (words.first, numbers.count) {
            case ("ping", 4):
                result = load.ping(
                    bytes: Int(numbers[0]), connections: Int(numbers[1]), warmUp: numbers[2], measured: numbers[3],
                    pids: pids)
            case ("down", 2): result = load.down(warmUp: numbers[0], measured: numbers[1], pids: pids)
            case ("up", 2): result = load.up(warmUp: numbers[0], measured: numbers[1], pids: pids)
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
        var latencies = Latencies()

        var json: String {
            let times = latencies.summary
            return "{\"operations\":\(operations),\"seconds\":\(seconds),\"cpu_seconds\":\(cpuSeconds),"
                + "\"p50_ms\":\(times.p50),\"p99_ms\":\(times.p99)}"
        }
    }

    private static let quietMilliseconds: UInt64 = 20

    private let loop: Loop
    private var echoes: [BenchLink] = []
    private var sources: [BenchLink] = []
    private var sinks: [BenchLink] = []
    private(set) var failure: BenchLink.Failure?

    init(loop: Loop) { self.loop = loop }

    func open(to address: SocketAddress, tls: TLSContext?, prefix: String, count: Int) throws {
        var waiting = count * 3
        for target in ["/echo", "/source", "/sink"] {
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
            switch target {
            case "/echo": echoes = set
            case "/source": sources = set
            default: sinks = set
            }
        }
        loop.run()
        if let failure { throw BenchError("cannot connect through \(address): \(failure)") }
    }

    func ping(bytes: Int, connections: Int, warmUp: UInt64, measured: UInt64, pids: [Int]) -> Result {
        // Pings that a gateway sent meanwhile must not count as an answer.
        _ = loop.run(until: { false }, timeoutMilliseconds: BenchLoad.quietMilliseconds)
        let message = BenchFrame.filled(bytes: bytes)
        defer { message.deallocate() }
        var count = 0
        var isOver = false
        let links = echoes.prefix(connections)
        var flying = links.count
        var latencies = Latencies()
        for link in links {
            var sent = ProcessSample.monotonicSeconds()
            link.onRoundTrip = { [self] in
                count += 1
                let now = ProcessSample.monotonicSeconds()
                latencies.record(Int((now - sent) * 1e6))
                sent = now
                guard isOver else { return true }
                flying -= 1
                if flying == 0 { loop.stop() }
                return false
            }
            link.ping(message)
        }
        var result = measure(warmUp, measured, pids, count: { count }, over: { isOver = true })
        result.latencies = latencies
        return result
    }

    func up(warmUp: UInt64, measured: UInt64, pids: [Int]) -> Result {
        let chunk = BenchPeer.chunk()
        defer { chunk.deallocate() }
        for link in sinks { link.pour(chunk) }
        let poured = { [self] in sinks.reduce(0) { $0 + $1.bytesPoured } }
        return measure(warmUp, measured, pids, count: poured) { [self] in
            for link in sinks { link.stopPouring() }
            // The proxy passes on what it has before the next run.
            loop.schedule(after: 200) { self.loop.stop() }
        }
    }

    func down(warmUp: UInt64, measured: UInt64, pids: [Int]) -> Result {
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
