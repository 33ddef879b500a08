import ArgumentParser
import EventLoop
import Glibc

/// The client side of the hand-off benchmark: more clients than seats, each with one session after the other. Lines on
/// standard input start measurements, so that several proxies are measured by turns.
///
/// ```
/// queue <seats> <waiting> <held ms> <sessions> <first>    clients wait for a seat, hold it, and queue again
/// connect <times> <at once> <pid,pid…>                    clients come with a seat free
/// ```
/// `queue` counts `sessions` sessions after the `first` ones. The answer to each command is one JSON line; times are
/// milliseconds.
struct BenchHandOffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "handoff", abstract: "How fast a freed seat reaches the next client; commands on standard input.")

    @Option(help: "The proxy, host:port.")
    var to: String

    @Option(help: "The target all ask for.")
    var target = "/echo"

    func run() throws {
        let address = try SocketAddress.argument(to)
        while let line = readLine() {
            let words = line.split(separator: " ")
            let numbers = words.dropFirst().prefix(words.first == "connect" ? 2 : 5).compactMap { Int($0) }
            let pids = words.last?.split(separator: ",").compactMap { Int($0) } ?? []
            // Timers of clients that were cut off must not fire in the next run.
            let run = BenchHandOff(loop: try Loop(), address: address, target: target)
            switch (words.first, numbers.count) {
            case ("queue", 5) where numbers[4] >= numbers[0]:
                BenchCommand.say(
                    try run.queue(
                        seats: numbers[0], waiting: numbers[1], held: UInt64(numbers[2]), sessions: numbers[3],
                        first: numbers[4]))
            case ("connect", 2):
                BenchCommand.say(try run.connect(times: numbers[0], atOnce: numbers[1], pids: pids))
            default: throw ValidationError("unknown command: \(line)")
            }
        }
    }
}

final class BenchHandOff {
    private let loop: Loop
    private let address: SocketAddress
    private let target: String
    private var failure: BenchLink.Failure?
    /// Seconds, in order: a client got its seat, a client gave it back.
    private var taken: [Double] = []
    private var given: [Double] = []
    private var heldSeconds = 0.0
    private var links: [Int: BenchLink] = [:]
    private var isOver = false

    /// The connections of the first clients that are made at once: fewer than the shortest usual backlog.
    private static let connectingMax = 100

    init(loop: Loop, address: SocketAddress, target: String) {
        self.loop = loop
        self.address = address
        self.target = target
    }

    /// Clients come as fast as their connections are made. A session is not counted before all clients wait.
    ///
    /// - Parameter first: the sessions that are not counted.
    func queue(seats: Int, waiting: Int, held: UInt64, sessions: Int, first: Int) throws -> String {
        var left = Array(0..<waiting + seats)[...]
        func next() {
            if let client = left.popFirst() { come(client, held: held, first: first, last: first + sessions, next) }
        }
        for _ in 0..<BenchHandOff.connectingMax { next() }
        loop.run()
        guard left.isEmpty else { throw BenchError("\(left.count) clients had not come when sessions were counted") }
        for link in links.values { link.close() }
        if let failure { throw BenchError("a client ended: \(failure)") }
        // Seats are handed on in the order in which they are given back.
        let handOffs = (first..<first + sessions).map { (taken[$0] - given[$0 - seats]) * 1_000 }
        let window = taken[first + sessions] - taken[first]
        let used = heldSeconds / (window * Double(seats))
        return "{\"hand_offs\":\(handOffs),\"used\":\(used)}"
    }

    /// - Parameter sent: called when the client's head was sent.
    private func come(_ client: Int, held: UInt64, first: Int, last: Int, _ sent: @escaping () -> Void = {}) {
        guard !isOver else { return }
        let link = BenchLink(loop: loop, to: address, target: target) { [self] failure in
            if let failure { return fail(failure) }
            let now = ProcessSample.monotonicSeconds()
            let number = taken.count
            taken.append(now)
            if number == last {
                isOver = true
                return loop.stop()
            }
            loop.schedule(after: held) { [self] in
                let end = ProcessSample.monotonicSeconds()
                given.append(end)
                if number >= first && number < last { heldSeconds += end - now }
                links[client]?.sendClose()
            }
        }
        links[client] = link
        link.onSent = sent
        link.onLoss = { [self] in
            links[client] = nil
            guard case .lost(nil) = $0 else { return fail($0) }
            come(client, held: held, first: first, last: last)
        }
    }

    /// So many connects, so many at a time, each with a seat free; and the CPU that each process took meanwhile.
    func connect(times: Int, atOnce: Int, pids: [Int]) throws -> String {
        var took: [Double] = []
        var begun = 0
        let before = pids.map { ProcessSample.cpuSeconds(of: [$0]) }
        func next() {
            guard begun < times else {
                if took.count == times { loop.stop() }
                return
            }
            begun += 1
            let began = ProcessSample.monotonicSeconds()
            var link: BenchLink?
            link = BenchLink(loop: loop, to: address, target: target) { [self] failure in
                if let failure { return fail(failure) }
                took.append((ProcessSample.monotonicSeconds() - began) * 1_000)
                link?.sendClose()
            }
            // The next client comes when the seat is free for sure.
            link?.onLoss = { [self] _ in loop.schedule(after: 3) { next() } }
        }
        for _ in 0..<atOnce { next() }
        loop.run()
        if let failure { throw BenchError("a client ended: \(failure)") }
        let cpu = zip(pids, before).map { ProcessSample.cpuSeconds(of: [$0]) - $1 }
        return "{\"connects\":\(took),\"cpu_seconds\":\(cpu)}"
    }

    private func fail(_ reason: BenchLink.Failure) {
        failure = reason
        loop.stop()
    }
}
