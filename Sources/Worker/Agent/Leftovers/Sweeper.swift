import EventLoop
import Glibc
import WorkerCore

/// Ends what sidecars leave behind, measures those that run, and removes their work folders.
///
/// The sweeper reads /proc and removes folders on a thread, because the loop relays other sessions meanwhile. There is
/// one look at a time, for all slots. `isIdle` is true if nothing is left to do.
final class Sweeper {
    /// Between two looks for processes that were killed.
    static let roundMilliseconds: UInt64 = 10
    /// Looks before the sweeper gives up on processes that do not end.
    static let roundsMax = 200
    /// Between two measurements of each sidecar.
    static let censusMilliseconds: UInt64 = 2_000

    private struct Living {
        let pid: Int32
        let onSize: (SidecarSize) -> Void
    }
    private struct Ending {
        let pid: Int32
        var roundsLeft = Sweeper.roundsMax
        let done: (_ left: Int) -> Void
    }

    private let loop: Loop
    private var living: [String: Living] = [:]
    private var ending: [String: Ending] = [:]
    private var census = ProcessCensus()
    /// The time of the next measurement.
    private var sizesAt: UInt64 = 0
    private var isLooking = false
    private var timer: Timer?
    private var removals = 0
    /// Called when the last ending or removal is over.
    var onIdle: (() -> Void)?

    init(loop: Loop) { self.loop = loop }

    var isIdle: Bool { ending.isEmpty && removals == 0 }

    /// A sidecar runs. `instance` is the mark in its environment; `onSize` is called every
    /// `censusMilliseconds`.
    func began(instance: String, pid: Int32, onSize: @escaping (SidecarSize) -> Void) {
        living[instance] = Living(pid: pid, onSize: onSize)
        if timer == nil && !isLooking { look(after: Sweeper.censusMilliseconds) }
    }

    /// The sidecar itself is gone. Kills all that it started; calls `done` with the number of processes that did not
    /// end.
    func end(instance: String, pid: Int32, done: @escaping (_ left: Int) -> Void) {
        living[instance] = nil
        // A sidecar keeps its orphans while it lives. After its end they are children of this process.
        if loop.strangers()?.isEmpty ?? false { return done(0) }
        ending[instance] = Ending(pid: pid, done: done)
        look(after: 0)
    }

    /// Kills all that sidecars left to this process. For the worker's end, when no sidecar runs.
    func endStrangers(done: @escaping (_ left: Int) -> Void) {
        guard let strangers = loop.strangers(), !strangers.isEmpty else { return done(0) }
        ending[SweepLook.strangers] = Ending(pid: 0, done: done)
        look(after: 0)
    }

    /// Removes a folder; its name is free at once.
    func remove(_ folder: String) {
        removals += 1
        let (parent, name) =
            (folder.lastIndex(of: "/")).map { (folder[..<$0], folder[folder.index(after: $0)...]) } ?? ("", "")
        let aside = "\(parent)/gone-\(name)"
        let path = rename(folder, aside) == 0 ? aside : folder
        loop.runAside({ Files.remove(path) }) { [self] in
            removals -= 1
            if isIdle { onIdle?() }
        }
    }

    // MARK: Looking

    private func look(after milliseconds: UInt64) {
        guard !isLooking else { return }
        timer?.cancel()
        timer = nil
        if milliseconds == 0 { return look() }
        timer = loop.schedule(after: milliseconds) { [weak self] in
            self?.timer = nil
            self?.look()
        }
    }

    private func look() {
        guard !living.isEmpty || !ending.isEmpty else { return }
        isLooking = true
        let measures = loop.now >= sizesAt
        if measures { sizesAt = loop.now + Sweeper.censusMilliseconds }
        let look = SweepLook(
            census: census, measures: measures,
            roots: living.map { .init(pid: $0.value.pid, instance: $0.key, isOver: false) }
                + ending.map { .init(pid: $0.value.pid, instance: $0.key, isOver: true) },
            own: getpid(), strangers: loop.strangers().map { Set($0) }, areStrangersOurs: loop.areStrangersOurs,
            ending: Set(ending.keys))
        loop.runAside({ look.performed() }) { [self] in looked($0, asked: look.ending) }
    }

    private func looked(_ result: SweepLook.Result, asked: Set<String>) {
        isLooking = false
        census = result.census
        for instance in asked {
            guard var one = ending[instance] else { continue }
            one.roundsLeft -= 1
            let left = result.left[instance] ?? 0
            ending[instance] = left == 0 || one.roundsLeft == 0 ? nil : one
            if ending[instance] == nil { one.done(left) }
        }
        for (instance, size) in result.sizes { living[instance]?.onSize(size) }
        if !asked.isEmpty && isIdle { onIdle?() }
        if ending.isEmpty {
            if !living.isEmpty { look(after: Sweeper.censusMilliseconds) }
        } else {
            let isNew = ending.keys.contains { !asked.contains($0) }
            look(after: isNew ? 0 : Sweeper.roundMilliseconds)
        }
    }
}

/// One look at all processes, on a thread: measures each sidecar, and kills those of ended sidecars.
struct SweepLook: Sendable {
    /// The instance of processes without a mark that descendants left to this process.
    static let strangers = "strangers"

    struct Result: Sendable {
        let census: ProcessCensus
        /// The size of each sidecar that runs; empty if the look does not measure.
        let sizes: [String: SidecarSize]
        /// Processes killed in this look, for each ended sidecar.
        let left: [String: Int]
    }

    let census: ProcessCensus
    /// The look measures the sidecars that run.
    let measures: Bool
    let roots: [ProcessCensus.Root]
    let own: Int32
    /// Processes that descendants left to this process. nil if the kernel gives orphans to another process; then the
    /// look reads the mark of each process.
    let strangers: Set<Int32>?
    /// A stranger without a mark belongs to an ended sidecar too.
    let areStrangersOurs: Bool
    /// Instances of ended sidecars.
    let ending: Set<String>

    func performed() -> Result {
        let takesAll = ending.contains(SweepLook.strangers)
        // At the worker's end the look kills the strangers of every sidecar.
        var census = takesAll ? ProcessCensus() : census
        let found = census.look(
            at: ProcessTable.rows(), roots: roots.filter { $0.pid > 0 }, own: own,
            asksMark: { strangers?.contains($0.pid) ?? true },
            mark: { pid in
                guard let mark = Leftovers.marks(of: pid)?[SidecarMark.instanceKey] else {
                    return areStrangersOurs ? SweepLook.strangers : nil
                }
                return takesAll ? SweepLook.strangers : mark
            })
        for (instance, pids) in found where ending.contains(instance) || instance == SweepLook.strangers {
            for pid in pids where pid != own && pid > 1 { kill(pid, SIGKILL) }
        }
        // The end of each sidecar waits for unmarked strangers, because it is not known which sidecar left them.
        let unmarked = found[SweepLook.strangers]?.count ?? 0
        let left = ending.map { ($0, $0 == SweepLook.strangers ? unmarked : (found[$0]?.count ?? 0) + unmarked) }
        let living = found.filter { measures && !ending.contains($0.key) && $0.key != SweepLook.strangers }
        return Result(
            census: census, sizes: living.mapValues(ProcessTable.size), left: Dictionary(uniqueKeysWithValues: left))
    }
}
