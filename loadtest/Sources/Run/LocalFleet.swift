import EventLoop
import FoundationEssentials
import Glibc
import LoadTestCore

/// Berth's own fleet for a run without `--url`: a private Redis, the scenario's gateways, and workers whose slots echo.
final class LocalFleet {
    /// A worker has at most 1,024 slots, and a sidecar at most 100 sessions at once.
    private static let slotsOfAWorker = 1_000
    private static let startMilliseconds: UInt64 = 60_000
    private static let pollMilliseconds: UInt64 = 100
    private static let path = "/pool/load/echo"

    private let loop: Loop
    private let scenario: Scenario
    private let berth: String
    private let folder: String
    private var redis: ChildProcess?
    private(set) var gateways: [Gateway] = []
    private var workers: [ChildProcess] = []
    private var deadline: Timer?
    /// Gateways that restarted and can receive grants again.
    private(set) var restarted = 0
    private var isStopping = false
    private var isReady = false
    private var onReady: (() -> Void)?
    private let onFailure: (LoadFailure) -> Void

    /// One gateway, and the process that it is at present.
    final class Gateway {
        fileprivate(set) var process: ChildProcess?
        fileprivate(set) var address: SocketAddress?
        fileprivate var isRegistered = false
        fileprivate var onExit: (() -> Void)?
        fileprivate var onRegistered: (() -> Void)?
    }

    /// - Parameters:
    ///   - berth: the program.
    ///   - onReady: called once, when all slots are free.
    ///   - onFailure: called if a process does not start, or ends by itself.
    init(
        loop: Loop, scenario: Scenario, berth: String, onReady: @escaping () -> Void,
        onFailure: @escaping (LoadFailure) -> Void
    ) throws {
        (self.loop, self.scenario, self.berth) = (loop, scenario, berth)
        (self.onReady, self.onFailure) = (onReady, onFailure)
        let parent = ProcessEnvironment.variables["TMPDIR"] ?? "/tmp"
        var template = Array("\(parent)/berth-loadtest-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw LoadFailure("cannot make a folder in \(parent)") }
        folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        guard Files.write("\(folder)/berth.yaml", LocalFleet.configuration(scenario)) else {
            throw LoadFailure("cannot write to \(folder)")
        }
        deadline = loop.schedule(after: LocalFleet.startMilliseconds) { [weak self] in
            self?.fail("the fleet was not ready within a minute; start it by hand to see why, and use --url")
        }
        let program = Files.program("redis-server", path: ProcessEnvironment.variables["PATH"] ?? "")
        guard let program else { throw LoadFailure("redis-server is not installed: apt-get install redis-server") }
        let arguments = [
            program, "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", folder,
        ]
        redis = try child("redis-server", arguments) { [weak self] line in
            if line.contains("eady to accept connections") { self?.startNodes() }
        }
    }

    var targets: [LoadTarget] {
        gateways.compactMap(\.address).map { LoadTarget(gateway: $0, path: LocalFleet.path) }
    }

    /// Resident bytes of the fleet's processes.
    func memory(at milliseconds: Int, connections: Int) -> Timeline.Memory {
        func sum(_ processes: [ChildProcess?]) -> Int {
            processes.reduce(0) { $0 + ProcessSample.residentBytes(of: Int($1?.pid ?? 0)) }
        }
        return Timeline.Memory(
            at: milliseconds, connections: connections, gateways: sum(gateways.map(\.process)), workers: sum(workers),
            redis: sum([redis]))
    }

    /// Ends all processes and removes the folder.
    func stop() {
        isStopping = true
        deadline?.cancel()
        for process in workers + gateways.compactMap(\.process) + [redis].compactMap({ $0 }) {
            process.signalGroup(SIGKILL)
        }
        Files.remove(folder)
    }

    /// Restarts one gateway after the other: each drains, ends, and listens on the same port again.
    func roll(from number: Int = 0) {
        guard number < gateways.count, !isStopping else { return }
        let gateway = gateways[number]
        gateway.onExit = { [weak self, weak gateway] in
            guard let self, let gateway else { return }
            gateway.onRegistered = { [weak self] in
                self?.restarted += 1
                self?.roll(from: number + 1)
            }
            start(gateway, number: number)
        }
        gateway.process?.signalGroup(SIGTERM)
    }

    private var socket: String { "\(folder)/redis.sock" }
    private var common: [String] { ["--redis", "unix://\(socket)", "--admin-listen", "127.0.0.1:0"] }

    private static func configuration(_ scenario: Scenario) -> String {
        // Nobody is refused by a limit that the scenario does not name.
        var lines = ["defaults: { maxQueue: 1000000, parkedMax: 2000000, maxWait: 1h }", "tenants:"]
        for tenant in scenario.tenants {
            lines.append("  \"\(tenant.name)\": { cap: \(tenant.cap ?? scenario.slots) }")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func startNodes() {
        for number in 0..<scenario.gateways {
            let gateway = Gateway()
            gateways.append(gateway)
            gateway.onRegistered = { [weak self] in self?.lookForSlots() }
            start(gateway, number: number)
        }
        var slots = scenario.slots
        while slots > 0, !isStopping {
            let count = min(slots, LocalFleet.slotsOfAWorker)
            startWorker(slots: count)
            slots -= count
        }
    }

    private func start(_ gateway: Gateway, number: Int) {
        let listen = gateway.address?.description ?? "127.0.0.1:0"
        let arguments =
            [berth, "gateway", "--listen", listen, "--node-id", "g\(number)", "--config", "\(folder)/berth.yaml"]
            + common
        do {
            gateway.process = try child("gateway \(number)", arguments, of: gateway) { [weak gateway] line in
                guard let gateway, let event = LogLine(line) else { return }
                if event.event == "listening", let address = event.address { gateway.address = SocketAddress(address) }
                guard event.event == "registered" else { return }
                gateway.isRegistered = true
                gateway.onRegistered?()
                gateway.onRegistered = nil
            }
        } catch {
            fail("gateway \(number) does not start: \(error)")
        }
    }

    private func startWorker(slots: Int) {
        let program = OwnProgram.path
        let arguments =
            [
                berth, "worker", "--listen", "127.0.0.1:0", "--node-id", "w\(workers.count)", "--kind", "command",
                "--command", "\(program) echo", "--mode", "shared", "--sessions", "100", "--max-sessions", "1000000",
                "--pool", "load=\(slots)",
            ] + common
        do {
            workers.append(try child("worker \(workers.count)", arguments) { _ in })
        } catch {
            fail("worker \(workers.count) does not start: \(error)")
        }
    }

    private func child(
        _ name: String, _ arguments: [String], of gateway: Gateway? = nil, onLine: @escaping (String) -> Void
    ) throws -> ChildProcess {
        var last = ""
        return try ChildProcess(
            loop: loop, arguments: arguments, environment: ProcessEnvironment.variables,
            onLine: { _, line in
                last = line
                onLine(line)
            },
            onExit: { [weak self] exit in
                guard let self, !isStopping else { return }
                if let call = gateway?.onExit {
                    gateway?.onExit = nil
                    return call()
                }
                fail("\(name) ended (\(exit)); its last words: \(last)")
            })
    }

    /// Asks Redis again and again until all slots are free.
    private func lookForSlots() {
        guard !isReady, !isStopping, gateways.allSatisfy(\.isRegistered) else { return }
        var answer = ""
        do {
            _ = try ChildProcess(
                loop: loop, arguments: [berth, "pools", "--json", "--redis", "unix://\(socket)"],
                environment: ProcessEnvironment.variables, onLine: { _, line in answer += line },
                onExit: { [weak self] _ in self?.looked(PoolsAnswer(answer)) })
        } catch {
            fail("\(berth) pools does not start: \(error)")
        }
    }

    private func looked(_ answer: PoolsAnswer?) {
        guard !isReady, !isStopping else { return }
        guard answer?.free == scenario.slots else {
            loop.schedule(after: LocalFleet.pollMilliseconds) { [weak self] in self?.lookForSlots() }
            return
        }
        isReady = true
        deadline?.cancel()
        onReady?()
        onReady = nil
    }

    private func fail(_ words: String) {
        guard !isStopping else { return }
        stop()
        onFailure(LoadFailure(words))
    }
}

/// The fields of a gateway's log line that the fleet uses.
private struct LogLine: Decodable {
    let event: String
    let address: String?

    init?(_ line: String) {
        guard let read = try? JSONDecoder().decode(LogLine.self, from: Data(line.utf8)) else { return nil }
        self = read
    }
}

/// The fields of the output of `berth pools --json` that the fleet uses.
private struct PoolsAnswer: Decodable {
    struct Pool: Decodable { let slots: [String: Int] }
    let pools: [Pool]

    init?(_ text: String) {
        guard let read = try? JSONDecoder().decode(PoolsAnswer.self, from: Data(text.utf8)) else { return nil }
        self = read
    }

    var free: Int { pools.reduce(0) { $0 + ($1.slots["free"] ?? 0) } }
}
