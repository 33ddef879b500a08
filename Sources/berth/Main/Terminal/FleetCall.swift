import ArgumentParser
import Configuration
import EventLoop
import Queue
import QueueCore
import RedisClient
import Terminal

/// A command's questions to the fleet, and its orders. Each waits for its answer.
///
/// If Redis cannot be asked, the process ends with code 2.
struct FleetCall {
    /// The exit code.
    static var unavailable: Int32 { 2 }
    private static let answerSeconds = 30

    let loop: Loop
    let endpoint: RedisEndpoint
    /// The fleet's name.
    let fleet: String

    init(_ command: Setting.Command, _ file: FileOptions, _ options: FleetOptions) {
        do {
            let settings = try Host.settings(command, config: file.config, flags: [options.flags])
            endpoint = try Host.endpoint(settings)
            loop = try Loop()
            fleet = settings.text("fleet") ?? "default"
        } catch {
            Fatal("\(error)").end(code: FleetCall.unavailable)
        }
    }

    func inspector() -> Inspector { Inspector(loop: loop, endpoint: endpoint, fleet: fleet) }

    func ask<Answer>(
        seconds: Int = answerSeconds,
        _ question: (Inspector, @escaping (Result<Answer, Inspector.Failure>) -> Void) -> Void
    ) -> Answer {
        let inspector = inspector()
        defer { inspector.close() }
        switch answer(seconds, { question(inspector, $0) }) {
        case .success(let value): return value
        case .failure(let failure): cannotAsk("\(failure)")
        }
    }

    /// The fleet now.
    /// - Parameter waiters: at most so many waiters of the line.
    func view(waiters: Int = 0) -> FleetView { ask { $0.fleet(waiters: waiters, done: $1) } }

    func order<Answer>(
        _ order: (FleetOperator, @escaping (Result<Answer, FleetOperator.Failure>) -> Void) -> Void
    ) throws(Fatal) -> Answer {
        let chief = FleetOperator(loop: loop, endpoint: endpoint, fleet: fleet)
        defer { chief.close() }
        switch answer(FleetCall.answerSeconds, { order(chief, $0) }) {
        case .success(let value): return value
        case .failure(.unavailable(let words)), .failure(.refused(let words)): cannotAsk(words)
        case .failure(let failure): throw Fatal(Printable.text("\(failure)"))
        }
    }

    func cannotAsk(_ words: String) -> Never {
        Fatal(Printable.text("Redis at \(endpoint) cannot be asked: \(words)")).end(code: FleetCall.unavailable)
    }

    private func answer<Answer>(_ seconds: Int, _ call: (@escaping (Answer) -> Void) -> Void) -> Answer {
        var answer: Answer?
        call { answer = $0 }
        _ = loop.run(until: { answer != nil }, timeoutMilliseconds: UInt64(seconds) * 1_000)
        guard let answer else {
            Fatal("Redis at \(endpoint) did not answer in \(seconds) s").end(code: FleetCall.unavailable)
        }
        return answer
    }
}
