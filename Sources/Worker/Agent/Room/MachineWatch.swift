import EventLoop
import WorkerCore

/// Looks again and again whether the machine has room for sidecars and sessions, and tells the board.
final class MachineWatch {
    /// Between two looks.
    static let lookMilliseconds: UInt64 = 2_000

    private let loop: Loop
    private let look: MachineLook
    private let board: SlotBoard
    private let events: any WorkerEvents
    private var reserve: MemoryReserve
    private var folder: SpaceFloor
    private var shm = SpaceFloor.sharedMemory(MachineLook.shmPath)
    /// The path that the last event named.
    private var toldFull: String?
    private var timer: Timer?
    private var isStopped = false

    init(_ loop: Loop, _ look: MachineLook, reserveBytes: UInt64, board: SlotBoard, events: any WorkerEvents) {
        self.loop = loop
        self.look = look
        self.board = board
        self.events = events
        reserve = MemoryReserve(bytes: reserveBytes)
        folder = .folder(look.folder)
    }

    /// The first look blocks, so that no spare starts before it.
    func start() {
        saw(look.seen())
        wait()
    }

    func stop() {
        isStopped = true
        timer?.cancel()
    }

    private func wait() {
        timer = loop.schedule(after: MachineWatch.lookMilliseconds) { [weak self] in self?.lookAside() }
    }

    private func lookAside() {
        let look = look
        loop.runAside({ look.seen() }) { [self] seen in
            guard !isStopped else { return }
            saw(seen)
            wait()
        }
    }

    /// The result of a look.
    func saw(_ seen: MachineLook.Seen) {
        let wasShort = reserve.isShort
        reserve.look(available: seen.availableBytes, now: loop.now)
        if reserve.isShort != wasShort {
            events.worker(
                .memory(isShort: reserve.isShort, availableBytes: seen.availableBytes ?? 0, reserveBytes: reserve.bytes)
            )
        }
        if reserve.isShort || wasShort { board.memory(isShort: reserve.isShort) }
        folder.look(seen.folder)
        shm.look(seen.shm)
        let full = folder.trouble != nil ? look.folder : shm.trouble != nil ? MachineLook.shmPath : nil
        let hindrance = folder.trouble ?? shm.trouble
        if full != toldFull { events.worker(.room(lacks: hindrance)) }
        toldFull = full
        board.hinder(hindrance)
    }
}
