import QueueCore
import WorkerCore

/// Passes each event of a worker to its log, then to its meter.
final class WorkerRecord: WorkerEvents {
    private let log: WorkerLog
    private let meter: WorkerMeter

    init(log: WorkerLog, meter: WorkerMeter) {
        self.log = log
        self.meter = meter
    }

    func worker(_ event: WorkerEvent) {
        log.worker(event)
        meter.worker(event)
    }

    func stranger(at peer: String, _ event: StrangerEvent) {
        log.stranger(at: peer, event)
        meter.stranger(at: peer, event)
    }

    func slot(_ slot: Int, of pool: Pool, _ event: SlotEvent) {
        log.slot(slot, of: pool, event)
        meter.slot(slot, of: pool, event)
    }

    func sidecar(_ number: Int, of pool: Pool, pid: Int32?, _ event: SidecarEvent) {
        log.sidecar(number, of: pool, pid: pid, event)
        meter.sidecar(number, of: pool, pid: pid, event)
    }
}
