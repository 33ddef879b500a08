import ArgumentParser
import Configuration
import HTTPCore
import Queue
import Terminal

struct DrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Makes a worker take no more clients, serve its sessions to their end, and exit.",
        discussion: """
            The order goes through Redis. It counts at once, and the worker does what it does at SIGTERM: sessions have \
            worker.drainTimeout to end. Exits 0 when the order is taken (with --wait: when the worker is gone), 1 if there \
            is no such worker or it is not gone in time, 2 if Redis could not be asked.
            """)

    private static let againMilliseconds: UInt64 = 250

    @OptionGroup var order: OrderOptions
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
    @Argument(help: "The worker's node id, or its process id as `berth status --json` prints it.") var worker: String

    func run() throws {
        let call = FleetCall(.drain, order.file, order.fleet)
        let id = try call.order { $0.drain(worker, done: $1) }
        if !wait || !order.json {
            order.tell("\(id) drains", ["worker": .text(id), "gone": .flag(false)])
        }
        guard wait else { return }
        guard isGone(id, call) else {
            throw Fatal("\(id) is not gone after \(DurationText.text(milliseconds: timeout)): it still drains")
        }
        order.tell("\(id) is gone", ["worker": .text(id), "gone": .flag(true)])
    }

    /// The order is repeated, so that it also stands if Redis lost it before the worker heard it.
    private func isGone(_ process: String, _ call: FleetCall) -> Bool {
        let chief = FleetOperator(loop: call.loop, endpoint: call.endpoint, fleet: call.fleet)
        defer { chief.close() }
        var isGone = false
        func ask() {
            chief.drain(process) { answer in
                if case .failure(.unknownWorker) = answer {
                    isGone = true
                } else {
                    _ = call.loop.schedule(after: Self.againMilliseconds) { ask() }
                }
            }
        }
        ask()
        return call.loop.run(until: { isGone }, timeoutMilliseconds: UInt64(timeout))
    }
}
