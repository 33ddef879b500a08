import ArgumentParser
import Configuration
import EventLoop
import Queue
import RedisClient

struct DrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Makes a worker take no more clients, serve its sessions to their end, and exit.",
        discussion: """
            The order goes through Redis. It counts at once, and the worker does what it does at SIGTERM: sessions have \
            worker.drainTimeout to end. Exits 0 when the order is taken (with --wait: when the worker is gone), 1 if there \
            is no such worker or it is not gone in time, 2 if Redis could not be asked.
            """)

    @OptionGroup var file: FileOptions
    @OptionGroup var fleet: FleetOptions
    @Flag(help: "Wait until the worker is gone.") var wait = false
    @Option(
        help: ArgumentHelp("How long --wait waits. (default: 5m)", valueName: "duration"),
        transform: { text in
            guard let milliseconds = DurationText.milliseconds(text) else {
                throw ValidationError("'\(text)' is not a duration like 500ms, 30s, 2m or 1h (a week at most)")
            }
            return milliseconds
        })
    var timeout = 300_000
    @Argument(help: "The worker's node id, or its process id as `berth status` prints it.") var worker: String

    func run() throws {
        let settings = try Host.settings(.drain, config: file.config, flags: [fleet.flags])
        let endpoint = try Host.endpoint(settings)
        let loop = try Loop()
        let order = DrainOrder(loop: loop, endpoint: endpoint, fleet: settings.text("fleet") ?? "default")
        defer { order.close() }
        let id: String
        switch order.give(to: worker) {
        case .success(let process): id = process
        case .failure(.unavailable(let words)), .failure(.refused(let words)):
            Fatal("Redis at \(endpoint) cannot be asked: \(words)").end(code: 2)
        case .failure(let failure): throw Fatal("\(failure)")
        case nil:
            Fatal("Redis at \(endpoint) did not answer in \(DrainOrder.answerMilliseconds / 1_000) s").end(code: 2)
        }
        print("\(id) drains")
        guard wait else { return }
        guard order.isGone(id, within: UInt64(timeout)) else {
            throw Fatal("\(id) is not gone after \(DurationText.text(milliseconds: timeout)): it still drains")
        }
        print("\(id) is gone")
    }
}

/// An order to drain, given once, or again and again until its worker is gone.
private final class DrainOrder {
    static let answerMilliseconds: UInt64 = 30_000
    private static let againMilliseconds: UInt64 = 250

    private let loop: Loop
    private let chief: FleetOperator

    init(loop: Loop, endpoint: RedisEndpoint, fleet: String) {
        self.loop = loop
        chief = FleetOperator(loop: loop, endpoint: endpoint, fleet: fleet)
    }

    func close() { chief.close() }

    func give(to worker: String) -> Result<String, FleetOperator.Failure>? {
        var answer: Result<String, FleetOperator.Failure>?
        chief.drain(worker) { answer = $0 }
        _ = loop.run(until: { answer != nil }, timeoutMilliseconds: Self.answerMilliseconds)
        return answer
    }

    /// The order is repeated, so that it also stands if Redis lost it before the worker heard it.
    func isGone(_ process: String, within milliseconds: UInt64) -> Bool {
        var isGone = false
        func ask() {
            chief.drain(process) { [loop] answer in
                if case .failure(.unknownWorker) = answer {
                    isGone = true
                } else {
                    _ = loop.schedule(after: Self.againMilliseconds) { ask() }
                }
            }
        }
        ask()
        return loop.run(until: { isGone }, timeoutMilliseconds: milliseconds)
    }
}
