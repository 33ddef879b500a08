import CChild
import CUV
import Glibc

/// Makes this process the parent of its orphaned descendants, and collects the status of each that ends.
///
/// The kernel gives an orphan to the nearest ancestor that asked for orphans, else to the first process of the machine
/// or container, which may be this process. Only the parent can collect the status of a zombie. Make one `Orphans` per
/// process, on its only loop, because the children of another loop would look like orphans.
public final class Orphans {
    /// Most zombies collected in one turn of the loop.
    private static let reapsMax = 256

    private let loop: Loop
    private var signal: SignalHandle?
    /// Children that existed before this program: an earlier program started them and then replaced itself by this one
    /// (`exec`).
    private let inherited: Set<Int32>

    public init(loop: Loop) throws(SystemError) {
        self.loop = loop
        try SystemError.check(berth_child_adopt(), "adopt orphans")
        inherited = Set(Orphans.children() ?? [])
        signal = try SignalHandle(loop: loop, signal: SIGCHLD) { [weak self] _ in self?.reap() }
        loop.orphans = self
        // Some orphans may have ended before this program started.
        loop.afterThisTurn { [weak self] in self?.reap() }
    }

    /// Collects no more orphans. Idempotent.
    public func close() {
        signal?.close()
        signal = nil
        loop.orphans = nil
    }

    private func reap() {
        guard signal != nil else { return }
        for _ in 0..<Orphans.reapsMax {
            let pid = berth_child_ended()
            if pid <= 0 { return }
            // The owner of a child that was started here needs the child's status.
            if let child = loop.children[pid] { child.look() } else { berth_child_discard(pid) }
        }
        loop.afterThisTurn { [weak self] in self?.reap() }
    }

    /// Orphans of this process' descendants: children that neither this process nor the program before it started.
    func strangers() -> [Int32]? {
        Orphans.children()?.filter { loop.children[$0] == nil && !inherited.contains($0) }
    }

    /// Whether all strangers are orphans of children started here. The first process of a container also receives
    /// orphans of other processes. An inherited child may leave orphans of its own.
    var areStrangersOurs: Bool { getpid() != 1 && inherited.isEmpty }

    /// Direct children as the kernel lists them, zombies too. Orphans are listed with the first thread, which is the
    /// loop's.
    private static func children() -> [Int32]? {
        Files.read("/proc/self/task/\(getpid())/children", bytesMax: 1 << 20)?.split(separator: " ").compactMap {
            Int32($0)
        }
    }
}

extension Loop {
    /// Pids of the orphans of this process' descendants that still exist, zombies too; nil if this process does not
    /// collect orphans or the kernel does not list them.
    public func strangers() -> [Int32]? { orphans?.strangers() }

    /// Whether every stranger must be an orphan of a child of this loop.
    public var areStrangersOurs: Bool { orphans?.areStrangersOurs ?? false }

    /// Pids of the children started on this loop that still run.
    public var childPIDs: [Int32] { Array(children.keys) }
}
