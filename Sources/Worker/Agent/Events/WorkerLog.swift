import EventLoop
import QueueCore
import WorkerCore

/// A worker's log: one line or more for each event.
final class WorkerLog: WorkerEvents {
    private let log: EventLog

    init(_ log: EventLog) { self.log = log }

    func worker(_ event: WorkerEvent) {
        switch event {
        case .sweptLeftovers(let processes):
            log.log(
                .warning, "leftovers", "Sidecars of an earlier worker were killed", ["processes": .number(processes)])
        case .listening(let id, let address, let slots, let fleet):
            log.common.append(("worker", .text(id.text)))
            log.log(
                .info, "listening", "The worker listens",
                ["address": .text(address), "slots": .number(slots), "fleet": .text(fleet)])
        case .registered(let again):
            log.log(.info, "registered", again ? "The worker is registered again" : "The worker is registered")
        case .redisAway:
            log.log(.warning, "redis", "Redis is away: sessions go on, no new clients")
        case .unreached(let address):
            log.log(
                .warning, "unprobed",
                "no gateway has reached this worker at \(address): no gateway of the fleet runs, none can connect "
                    + "there (--advertise says what they dial), or NODE_SECRET differs",
                ["address": .text(address)])
        case .notice(let words):
            log.log(.warning, "notice", words)
        case .superseded(let node):
            log.log(.error, "superseded", "A newer worker has the node id \(node); this one drains and ends")
        case .drainOrdered:
            log.log(.warning, "drain_ordered", "An operator drains this worker: it ends after its sessions")
        case .aged(let milliseconds):
            log.log(
                .info, "aged", "The worker has reached its age: it drains and ends",
                ["seconds": .number(Int(milliseconds / 1_000))])
        case .licenceOver(let sessions):
            log.log(
                .error, "cut_off", "Redis was not heard for its TTL and caps are strict: sessions end",
                ["sessions": .number(sessions)])
        case .draining(let sessions):
            log.log(.info, "draining", "The worker takes no more clients", ["sessions": .number(sessions)])
        case .memory(let isShort, let available, let reserve):
            let words =
                isShort
                ? "Memory is short: \(ByteSize.words(available)) are available, worker.memoryReserve is "
                    + "\(ByteSize.words(reserve)): no spare starts, and idle spares end"
                : "Memory is not short any more: spares start again"
            log.log(
                isShort ? .warning : .info, "memory", words,
                [
                    "state": .text(isShort ? "short" : "enough"), "available_bytes": .number(Int(clamping: available)),
                    "reserve_bytes": .number(Int(clamping: reserve)),
                ])
        case .room(let lack):
            log.log(
                lack == nil ? .info : .error, "room", lack ?? "There is room again: the worker takes sessions",
                ["state": .text(lack == nil ? "enough" : "short")])
        case .leftProcesses(let count):
            log.log(.error, "left", "Processes of sidecars cannot be ended", ["processes": .number(count)])
        case .protocolLogOff(let pool):
            log.log(
                .warning, "protocol_log_off",
                "A client asked for a protocol log; its pool has none (protocolLog in the table pools)",
                ["pool": .text(pool.label.text)])
        case .protocolLogFolder(let folder, let words):
            log.log(
                .warning, "protocol_log_folder",
                "Sessions have no protocol logs, because their folder cannot be used: \(words). Set "
                    + "worker.protocolLogFolder to a folder of the worker's user",
                ["folder": .text(folder)])
        case .protocolLog(let report): logProtocolLog(report)
        case .stopped:
            log.log(.info, "stopped", "The worker has ended")
        }
    }

    private func logProtocolLog(_ report: ProtocolLogReport) {
        let isWhole = report.failure == nil && report.dropped.disk == 0
        log.log(
            isWhole ? .info : .warning, "protocol_log",
            isWhole
                ? "A session's protocol log is closed"
                : "A session's protocol log lacks messages: \(report.failure ?? "the disk was too slow")",
            [
                "lease": .text(report.lease.description), "slot": .number(report.slot), "pool": .text(report.pool),
                "file": .text(report.name), "messages": .number(Int(clamping: report.messages)),
                "dropped_sampled": .number(Int(clamping: report.dropped.sampled)),
                "dropped_full": .number(Int(clamping: report.dropped.full)),
                "dropped_disk": .number(Int(clamping: report.dropped.disk)),
            ])
    }

    func stranger(at peer: String, _ event: StrangerEvent) {
        let words =
            switch event {
            case .copied: "A request came a second time; a copy is not answered"
            case .otherFleet(let fleet, let own):
                "A gateway of the fleet \(fleet) asked; this worker is in the fleet \(own)"
            case .otherWorker(let worker): "A gateway asked for the worker \(worker), which is not this one"
            case .otherSecret:
                "A request's mac does not match: NODE_SECRET differs between this worker and the gateway there, or is "
                    + "set on one side alone (blanks at the end, CR and byte order mark count)"
            }
        log.log(.warning, "stranger", words, ["peer": .text(peer)])
    }

    // MARK: Slots

    func slot(_ slot: Int, of pool: Pool, _ event: SlotEvent) {
        switch event {
        case .changed(let row):
            log.log(
                row.state == .out ? .error : .info, "slot", "A slot is \(row.state.rawValue)",
                [
                    "slot": .number(slot), "state": .text(row.state.rawValue), "token": .text(row.token.description),
                    "pool": .text(pool.label.text),
                ])
        case .refused(let lease, let reason):
            note(.info, "reject", "A grant was refused", lease, slot, pool, reason: reason.rawValue)
        case .served(let lease, let token):
            note(.info, "session", "A client is served", lease, slot, pool, token: token)
        case .vacated(let vacated, let cause, let bytes):
            logEnd(slot, pool, vacated, WorkerLog.word(for: cause), bytes)
        }
    }

    private func logEnd(
        _ slot: Int, _ pool: Pool, _ vacated: Slot.Vacated, _ cause: String,
        _ bytes: (fromClient: UInt64, toClient: UInt64)
    ) {
        switch vacated.verdict {
        case .none:
            note(.info, "reject", "A lease was over before its proof", vacated.lease, slot, pool, reason: cause)
        case .reject(let verdict):
            note(
                .warning, "reject", "A lease ended before its proof: \(cause)", vacated.lease, slot, pool,
                reason: verdict.rawValue)
        case .keep:
            note(
                .info, "keep", "A client left, and its slot is kept for it", vacated.lease, slot, pool,
                token: vacated.token, reason: cause, bytes: bytes)
        case .release:
            note(
                .info, "end", "A session ended", vacated.lease, slot, pool, token: vacated.token, reason: cause,
                bytes: bytes)
        }
    }

    /// - Parameter isShort: without words of the system, as a label's value.
    static func word(for cause: EndCause, isShort: Bool = false) -> String {
        switch cause {
        case .sidecarUnreachable where isShort: "sidecar"
        case .leaseEnded: "lease_ended"
        case .redisSilent: "redis"
        case .sidecarUnreachable(let error): "sidecar: \(error)"
        case .gatewayClosed: "gateway"
        case .firstByteOverdue: "first_byte"
        case .sidecarFroze: "sidecar_frozen"
        case .sidecarEnded: "sidecar_ended"
        case .clientEnded: "client_ended"
        case .timeOver(let bound): bound.rawValue
        case .sidecarLost(let isLarge): isLarge ? "memory" : "sidecar_exit"
        case .ordered(let reason): reason
        }
    }

    private func note(
        _ level: EventLog.Level, _ event: String, _ message: String, _ lease: LeaseID, _ slot: Int, _ pool: Pool,
        token: Token? = nil, reason: String? = nil, bytes: (fromClient: UInt64, toClient: UInt64)? = nil
    ) {
        log.log(
            level, event, message,
            [
                "lease": .text(lease.description), "slot": .number(slot), "token": token.map { .text($0.description) },
                "pool": .text(pool.label.text), "reason": reason.map { .text($0) },
                "bytes_from_client": bytes.map { .number(Int(clamping: $0.fromClient)) },
                "bytes_to_client": bytes.map { .number(Int(clamping: $0.toClient)) },
            ])
    }

    // MARK: Sidecars

    func sidecar(_ number: Int, of pool: Pool, pid: Int32?, _ event: SidecarEvent) {
        func note(
            _ level: EventLog.Level, _ state: String, _ message: String, processes: Int? = nil, dropped: UInt64 = 0,
            bytes: UInt64? = nil
        ) {
            log.log(
                level, "sidecar", message,
                [
                    "sidecar": .number(number), "pid": pid.map { .number(Int($0)) }, "state": .text(state),
                    "pool": .text(pool.label.text), "processes": processes.map { .number($0) },
                    "memory_bytes": bytes.map { .number(Int(clamping: $0)) },
                    "dropped_bytes": dropped > 0 ? .number(Int(clamping: dropped)) : nil,
                ])
        }
        switch event {
        case .starting: note(.info, "starting", "A sidecar starts")
        case .startFailed(let failure): note(.error, "failed", failure.description)
        case .misannounced(let why): note(.warning, "misannounced", why)
        case .ready: note(.info, "ready", "A sidecar listens")
        case .probeFailed: note(.debug, "probe_failed", "A sidecar did not answer a handshake")
        case .crowded(let count):
            note(
                .error, "crowded",
                "A sidecar has \(count) processes, \(ProcessCensus.processesMax) are allowed: it is killed",
                processes: count)
        case .large(let bytes, let most, let isKilled):
            let end = isKilled ? "it is more than twice that, and is killed" : "it is replaced after its sessions"
            note(
                isKilled ? .error : .warning, "large",
                "A sidecar uses \(ByteSize.words(bytes)), memoryMax of pool \(pool.label.text) is "
                    + "\(ByteSize.words(most)): \(end)", bytes: bytes)
        case .exited(let ending, let failure):
            note(
                failure == nil ? .info : .warning, "exited", "A sidecar ended: \(failure ?? ending.exit)",
                dropped: ending.droppedBytes)
            if ending.left > 0 {
                note(.error, "left", "Processes of a sidecar cannot be ended", processes: ending.left)
            }
            guard failure != nil else { return }
            for line in ending.words.lines { note(.info, "output", line) }
        case .out: note(.error, "out", "A sidecar failed too often; it is tried again every 30 s")
        case .stopped: note(.info, "stopped", "A sidecar stopped")
        }
    }
}
