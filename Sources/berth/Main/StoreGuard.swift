import EventLoop
import Queue
import RedisClient

/// Asks Redis for its eviction policy as soon as Redis can be reached, because evicted keys would be waiters and
/// leases.
///
/// The gateway or worker starts meanwhile. It says by itself that Redis is away.
final class StoreGuard {
    private static let retryMilliseconds: UInt64 = 1_000

    private let loop: Loop
    private let endpoint: RedisEndpoint
    private let log: EventLog
    private let inspector: Inspector
    private var lastReason = ""

    /// - Parameter onVerdict: called once, with `nil` if this Redis can be used.
    init(loop: Loop, endpoint: RedisEndpoint, fleet: String, log: EventLog, onVerdict: @escaping (Fatal?) -> Void) {
        self.loop = loop
        self.endpoint = endpoint
        self.log = log
        inspector = Inspector(loop: loop, endpoint: endpoint, fleet: fleet)
        ask(onVerdict)
    }

    private func ask(_ onVerdict: @escaping (Fatal?) -> Void) {
        inspector.evictionPolicy { [self] result in
            switch result {
            case .success("noeviction"):
                inspector.close()
                onVerdict(nil)
            case .success(let policy?):
                onVerdict(
                    Fatal(
                        "Redis at \(endpoint) has maxmemory-policy \(policy): it could drop waiters and leases. Set it to "
                            + "noeviction: redis-cli config set maxmemory-policy noeviction"))
            case .success(nil):
                inspector.close()
                log.log(
                    .warning, "store",
                    "Redis does not say its maxmemory-policy to Berth's user, neither by CONFIG GET nor by INFO: make sure that "
                        + "it is noeviction; any other may drop waiters and leases")
                onVerdict(nil)
            case .failure(let failure):
                if failure.description != lastReason {
                    lastReason = failure.description
                    log.log(
                        .warning, "store", "Redis cannot be asked for its maxmemory-policy; trying on",
                        ["reason": .text(failure.description)])
                }
                _ = loop.schedule(after: StoreGuard.retryMilliseconds) { [self] in ask(onVerdict) }
            }
        }
    }
}
