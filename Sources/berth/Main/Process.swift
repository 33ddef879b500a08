import EventLoop
import Glibc
import RedisClient

/// What gateway, worker and dev have in common: one loop, one log, the signals that end it.
final class Process {
    let loop: Loop
    let log: JSONLog
    private var storeGuard: StoreGuard?
    private var signals: Signals?
    /// As the first process of a container, and for what sidecars leave behind.
    private let orphans: Orphans
    private var isEnding = false

    /// - Parameter log: the least level, as the setting has it.
    init(log level: String?) throws {
        loop = try Loop()
        orphans = try Orphans(loop: loop)
        log = JSONLog(minimum: JSONLog.Level.allCases.first { "\($0)" == level } ?? .info)
    }

    /// Ends the process, with words, if its Redis may forget what it is told.
    func guardStore(_ endpoint: RedisEndpoint, fleet: String) {
        storeGuard = StoreGuard(loop: loop, endpoint: endpoint, fleet: fleet, log: log) { [self] verdict in
            storeGuard = nil
            if let verdict { verdict.end() }
        }
    }

    /// Starts, and turns the loop until SIGTERM or SIGINT came and `end` has called back. The second signal does not wait.
    ///
    /// `start` is called once signals are heard: a process that says it is ready can be ended in order.
    /// - Parameter onHangup: what SIGHUP does. Nil for a program in the foreground: the close of its terminal ends it, except
    ///   under `nohup`.
    func run(
        onHangup: (() -> Void)?, untilEndedBy end: @escaping (_ done: @escaping () -> Void) -> Void,
        start: () throws -> Void
    ) throws {
        let isHeard = onHangup != nil || !Process.isHangupIgnored
        signals = try Signals(loop: loop, [SIGTERM, SIGINT] + (isHeard ? [SIGHUP] : [])) { [self] signal in
            if signal == SIGHUP, let onHangup { return onHangup() }
            if isEnding { exit(128 + signal) }
            isEnding = true
            end { [self] in loop.stop() }
        }
        try start()
        loop.run()
        signals?.close()
        orphans.close()
    }

    /// As `nohup` leaves it.
    private static var isHangupIgnored: Bool {
        var action = sigaction()
        return sigaction(SIGHUP, nil, &action) == 0
            && unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
                == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
