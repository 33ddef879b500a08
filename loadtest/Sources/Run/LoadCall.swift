import EventLoop
import FoundationEssentials
import Glibc
import LoadTestCore

/// One call of `loadtest run`: the fleet, if it is its own, then the run, then the result.
final class LoadCall {
    private static let memoryMilliseconds: UInt64 = 250
    /// When gateways begin to restart: at this part of the duration.
    private static let rollAt = 4

    private let loop: Loop
    private let scenario: Scenario
    private let seed: UInt64
    private let tls: TLSContext?
    private let berth: String
    private var targets: [LoadTarget] = []
    private var fleet: LocalFleet?
    private var load: LoadRun?
    private var failure: LoadFailure?
    private var timers: [Timer] = []
    private var began = ""

    init(scenario: Scenario, urls: [String], seed: UInt64, ca: String?, berth: String) throws {
        loop = try Loop()
        (self.scenario, self.seed, self.berth) = (scenario, seed, berth)
        tls = urls.contains { $0.hasPrefix("wss:") } ? try TLSContext(trusting: ca) : nil
        targets = try urls.map { try LoadTarget(url: $0, loop: loop) }
    }

    func run() throws -> RunResult {
        let progress = ProgressLine()
        let signals = try Signals(loop: loop, [SIGINT, SIGTERM]) { [self] _ in
            if let load { load.cut() } else { end(LoadFailure("interrupted before the run began")) }
        }
        if targets.isEmpty {
            guard Files.isExecutable(berth) else {
                throw LoadFailure("no program at \(berth): build it (make build), or use --berth or --url")
            }
            fleet = try LocalFleet(loop: loop, scenario: scenario, berth: berth) { [self] in
                targets = fleet?.targets ?? []
                start(progress)
            } onFailure: { [self] in
                end($0)
            }
        } else {
            start(progress)
        }
        loop.run()
        signals.close()
        fleet?.stop()
        progress.end()
        if let failure { throw failure }
        guard let load else { throw LoadFailure("the run did not begin") }
        return RunResult(
            load.recorder.figures(now: load.endedAt, isCut: load.isCut), origin: origin,
            restarted: scenario.rolls ? fleet?.restarted : nil)
    }

    private func start(_ progress: ProgressLine) {
        began = Date.now.formatted(.iso8601)
        let load = LoadRun(loop: loop, scenario: scenario, targets: targets, tls: tls, seed: seed) { [self] in end(nil)
        }
        self.load = load
        timers.append(
            loop.schedule(after: progress.milliseconds, repeating: progress.milliseconds) { progress.show(load) })
        if let fleet {
            timers.append(
                loop.schedule(after: 0, repeating: LoadCall.memoryMilliseconds) {
                    load.sampled(fleet.memory(at: load.now / 1_000, connections: load.connections))
                })
            if scenario.rolls {
                let after = UInt64(scenario.durationMicroseconds / 1_000 / LoadCall.rollAt)
                timers.append(loop.schedule(after: after) { fleet.roll() })
            }
        }
        load.start()
    }

    private func end(_ failure: LoadFailure?) {
        self.failure = self.failure ?? failure
        for timer in timers { timer.cancel() }
        loop.stop()
    }

    private var origin: RunResult.Origin {
        var versions: [String: String] = [:]
        if fleet != nil {
            versions["berth"] = Machine.firstLine(of: "\(Machine.quoted(berth)) --version")
            versions["redis"] = Machine.firstLine(of: "redis-server --version")
        }
        return RunResult.Origin(
            began: began, machine: Machine.facts, versions: versions,
            commit: Machine.firstLine(of: "git rev-parse --short HEAD"), addresses: targets.map(\.shown), seed: seed)
    }
}
