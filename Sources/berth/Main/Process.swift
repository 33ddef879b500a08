import EventLoop
import Glibc
import RedisClient

/// The parts that gateway, worker and dev share: one loop, one log, the signals that end the process.
final class Process {
    let loop: Loop
    let log: EventLog
    private var storeGuard: StoreGuard?
    private var signals: Signals?
    /// Reaps the processes that sidecars leave behind and, if this is the first process of a container, all others.
    private let orphans: Orphans
    private var isEnding = false

    /// - Parameters: the lowest level to write and the form of a line, as the settings name them.
    init(log level: String?, format: String?) throws {
        loop = try Loop()
        orphans = try Orphans(loop: loop)
        log = EventLog(minimum: EventLog.Level.allCases.first { "\($0)" == level } ?? .info)
        log.format = format.flatMap(EventLog.Format.init) ?? .json
    }

    /// Ends the process with words if its Redis may evict keys.
    func guardStore(_ endpoint: RedisEndpoint, fleet: String) {
        storeGuard = StoreGuard(loop: loop, endpoint: endpoint, fleet: fleet, log: log) { [self] verdict in
            storeGuard = nil
            if let verdict { verdict.end() }
        }
    }

    /// Starts, and runs the loop until SIGTERM or SIGINT came and `end` called back. A second signal ends the process
    /// at once.
    ///
    /// Signals are handled before `start` is called, so that a process that says it is ready can be ended in order.
    /// - Parameter onHangup: called at SIGHUP. If `nil`, SIGHUP ends the process, as the close of a terminal should,
    ///   unless the process runs under `nohup`.
    func run(
        onHangup: (() -> Void)?, untilEndedBy end: @escaping (_ done: @escaping () -> Void) -> Void,
        start: () throws -> Void
    ) throws {
        let isHeard = onHangup != nil || !Process.ignores(SIGHUP)
        signals = try Signals(loop: loop, [SIGTERM, SIGINT] + (isHeard ? [SIGHUP] : [])) { [self] signal in
            if signal == SIGHUP, let onHangup { return onHangup() }
            if isEnding { exit(128 + signal) }
            isEnding = true
            ServiceManager.notify(.stopping)
            end { [self] in loop.stop() }
        }
        try start()
        ServiceManager.notify(.ready)
        loop.run()
        signals?.close()
        orphans.close()
    }

    /// True if this process was started to ignore the signal, as `nohup` does with SIGHUP.
    static func ignores(_ signal: Int32) -> Bool {
        var action = sigaction()
        return sigaction(signal, nil, &action) == 0
            && unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
                == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
