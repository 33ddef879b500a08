import EventLoop
import QueueCore
import WorkerCore

/// The protocol logs of a worker, one file a session.
///
/// Lines are written on a thread. One thread writes for all sessions, one batch after the other, because libuv's few
/// threads also resolve names and read /proc: a disk that hangs must hold one of them at most.
final class ProtocolLogFiles {
    /// Most bytes of all sessions' lines that wait for the disk.
    static let waitingBytesMax = 16_777_216
    /// Between two looks for logs that are kept no longer.
    static let sweepMilliseconds: UInt64 = 3_600_000
    /// Between two such looks at least, because each reads the whole folder.
    static let sweepGapMilliseconds: UInt64 = 60_000
    /// For the last lines to be written before the worker ends.
    static let farewellMilliseconds: UInt64 = 1_000

    private let folder: String
    private let loop: Loop
    private let events: any WorkerEvents
    private var open: [String: SessionLog] = [:]
    /// Logs with lines for the disk, in their turn.
    private var turns = Fifo<SessionLog>()
    private var inTurn: Set<String> = []
    private var heldBytes = 0
    private var isWriting = false
    private let sweepGapMilliseconds: UInt64
    private var needsSweep = false
    /// nil before the first look.
    private var sweptAt: UInt64?
    private var sweepTimer: Timer?
    private var isFolderTold = false
    /// Pools without logs whose clients asked for one.
    private var poolsTold: Set<String> = []
    private var timer: Timer?
    private var onIdle: (() -> Void)?

    init(
        folder: String, loop: Loop, events: any WorkerEvents,
        sweepGapMilliseconds: UInt64 = ProtocolLogFiles.sweepGapMilliseconds
    ) {
        self.folder = folder
        self.sweepGapMilliseconds = sweepGapMilliseconds
        self.loop = loop
        self.events = events
    }

    /// Deletes the logs that are kept no longer, now and every hour.
    func start() {
        askForSweep()
        work()
        timer = loop.schedule(after: ProtocolLogFiles.sweepMilliseconds, repeating: ProtocolLogFiles.sweepMilliseconds)
        {
            [weak self] in
            self?.askForSweep()
            self?.work()
        }
    }

    /// The caller calls `work` then.
    private func askForSweep() {
        guard sweepTimer == nil else { return }
        let next = sweptAt.map { $0 + sweepGapMilliseconds } ?? loop.now
        guard next > loop.now else {
            needsSweep = true
            return
        }
        sweepTimer = loop.schedule(after: next - loop.now) { [weak self] in
            self?.sweepTimer = nil
            self?.needsSweep = true
            self?.work()
        }
    }

    /// The log of a session, if its pool has logs and its client may have one. It has no file before `begin`.
    /// - Parameter head: the client's, with what the gateway says about it.
    func log(_ grant: Wire.GrantRequest, _ head: SidecarHead, of pool: WorkerPool) -> SessionLog? {
        let isAsked = head.value("x-berth-log") == "protocol"
        let label = pool.plan.pool.label.text
        guard pool.protocolLog.logs(asked: isAsked) else {
            if isAsked, poolsTold.insert(label).inserted { events.worker(.protocolLogOff(pool.plan.pool)) }
            return nil
        }
        return log(
            .init(
                lease: grant.lease, attach: grant.attach, run: head.value("x-berth-run") ?? "", pool: label,
                worker: grant.worker, slot: grant.slot))
    }

    func log(_ facts: ProtocolTranscript.Facts) -> SessionLog { SessionLog(facts, files: self, loop: loop) }

    /// Ends all logs. Calls `done` when their last lines are written, after `farewellMilliseconds` at the latest.
    func close(done: @escaping () -> Void) {
        timer?.cancel()
        timer = nil
        sweepTimer?.cancel()
        sweepTimer = nil
        for log in open.values.sorted(by: { $0.name < $1.name }) { log.end() }
        var farewell: Timer?
        onIdle = { [weak self] in
            self?.onIdle = nil
            farewell?.cancel()
            done()
        }
        farewell = loop.schedule(after: ProtocolLogFiles.farewellMilliseconds) { [weak self] in self?.onIdle?() }
        work()
    }

    // MARK: For SessionLog

    func opened(_ log: SessionLog) { open[log.name] = log }

    /// A log keeps so many bytes in memory.
    func hold(_ bytes: Int) { heldBytes += bytes }

    func holdIfRoom(_ bytes: Int) -> Bool {
        guard heldBytes + bytes <= ProtocolLogFiles.waitingBytesMax else { return false }
        heldBytes += bytes
        return true
    }

    func letGo(_ bytes: Int) { heldBytes -= bytes }

    /// A log has lines for the disk.
    func queue(_ log: SessionLog) {
        if inTurn.insert(log.name).inserted { turns.append(log) }
        work()
    }

    func closed(_ log: SessionLog, _ report: ProtocolLogReport) {
        open[log.name] = nil
        if timer != nil { askForSweep() }
        events.worker(.protocolLog(report))
    }

    // MARK: The thread

    private func work() {
        guard !isWriting else { return }
        // Before the lines, because sessions may log without a pause.
        if needsSweep { return sweep() }
        while let log = turns.popFirst() {
            inTurn.remove(log.name)
            guard let batch = log.batch(folder: folder) else { continue }
            isWriting = true
            return loop.runAside({ batch.performed() }) { [self] outcome in
                isWriting = false
                log.wrote(outcome)
                work()
            }
        }
        onIdle?()
    }

    private func sweep() {
        needsSweep = false
        sweptAt = loop.now
        isWriting = true
        let sweep = ProtocolLogSweep(folder: folder, open: Set(open.keys))
        loop.runAside({ sweep.performed() }) { [self] words in
            isWriting = false
            if let words, !isFolderTold {
                isFolderTold = true
                events.worker(.protocolLogFolder(folder, words: words))
            }
            work()
        }
    }
}
