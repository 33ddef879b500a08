import EventLoop
import Glibc
import Queue
import QueueCore
import RedisClient

/// Reads the fleet for all who ask at this process, at most once a second.
final class FleetWatch {
    struct Look {
        let view: FleetView
        /// The first waiters of the line, as their clients see them.
        let places: [String: Place]
        /// From a question to Redis' answer.
        let redisMilliseconds: Double
    }

    typealias Done = (Result<Look, Inspector.Failure>) -> Void

    /// How long a look is used again.
    static let freshMilliseconds: UInt64 = 900
    /// Redis spends at most this part of its time on looks: a fleet that takes long to read is read less often.
    private static let pauseFactor: UInt64 = 9

    private let loop: Loop
    private let inspector: Inspector
    private var last: (look: Look, waiters: Int, at: UInt64, tookMilliseconds: UInt64)?
    private var asked: (waiters: Int, done: [Done])?
    private var next: (waiters: Int, done: [Done])?

    init(loop: Loop, endpoint: RedisEndpoint, fleet: String) {
        self.loop = loop
        inspector = Inspector(loop: loop, endpoint: endpoint, fleet: fleet)
    }

    func close() { inspector.close() }

    /// When the next look is due for somebody who wants to see all changes.
    var pauseMilliseconds: UInt64 { max(1_000, (last?.tookMilliseconds ?? 0) * FleetWatch.pauseFactor) }

    /// - Parameter waiters: at most so many waiters of the line. With some, the first ones have their places.
    func ask(waiters: Int, done: @escaping Done) {
        if let last, last.waiters >= waiters,
            loop.now < last.at + max(FleetWatch.freshMilliseconds, last.tookMilliseconds * FleetWatch.pauseFactor)
        {
            return done(.success(last.look))
        }
        guard let asked else {
            asked = (waiters, [done])
            return read()
        }
        if asked.waiters >= waiters {
            self.asked?.done.append(done)
        } else {
            next = (max(waiters, next?.waiters ?? 0), (next?.done ?? []) + [done])
        }
    }

    func usage(onDay day: Int, done: @escaping (Result<[String: Use], Inspector.Failure>) -> Void) {
        inspector.usage(onDay: day, done: done)
    }

    /// Makes the next question read the fleet again, because an order changed it.
    func forget() { last = nil }

    private func read() {
        guard let waiters = asked?.waiters else { return }
        let began = loop.now
        let since = FleetWatch.milliseconds()
        inspector.roundTrip { [weak self] in
            let took = FleetWatch.milliseconds() - since
            if case .failure(let failure) = $0 {
                self?.answer(.failure(failure))
                return
            }
            self?.inspector.fleetWithPlaces(waiters: waiters) { [weak self] in
                guard let self else { return }
                answer(
                    $0.map {
                        let look = Look(view: $0.view, places: $0.places, redisMilliseconds: took)
                        last = (look, waiters, loop.now, loop.now - began)
                        return look
                    })
            }
        }
    }

    private func answer(_ result: Result<Look, Inspector.Failure>) {
        let all = asked?.done ?? []
        asked = next
        next = nil
        for done in all { done(result) }
        if asked != nil { read() }
    }

    private static func milliseconds() -> Double {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Double(now.tv_sec) * 1_000 + Double(now.tv_nsec) / 1_000_000
    }
}
