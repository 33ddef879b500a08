import CChild
import CUV
import Glibc

/// Makes this process the parent of what its descendants leave behind, and takes the status of each that ends.
///
/// An orphan goes to the nearest ancestor that asked for orphans, else to the first process of the machine or container,
/// which this process may itself be. Nobody else can take the status of a zombie. One of these a process, on its only
/// loop: the children of another loop would look like orphans.
public final class Orphans {
    /// Zombies taken in one turn of the loop.
    private static let reapsMax = 256

    private let loop: Loop
    private var signal: SignalHandle?
    /// Children that were here before: their parent was replaced by this program (`exec`). They are none of ours.
    private let inherited: Set<Int32>

    public init(loop: Loop) throws(SystemError) {
        self.loop = loop
        try SystemError.check(berth_child_adopt(), "adopt orphans")
        inherited = Set(Orphans.children() ?? [])
        signal = try SignalHandle(loop: loop, signal: SIGCHLD) { [weak self] _ in self?.reap() }
        loop.orphans = self
        // Some may have ended before this program began.
        loop.afterThisTurn { [weak self] in self?.reap() }
    }

    /// Takes no more. Idempotent.
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
            // A child of our own has an owner who wants to know its status.
            if let child = loop.children[pid] { child.look() } else { berth_child_discard(pid) }
        }
        loop.afterThisTurn { [weak self] in self?.reap() }
    }

    /// Children of this process that neither it nor the program before it started: what descendants left behind.
    func strangers() -> [Int32]? {
        Orphans.children()?.filter { loop.children[$0] == nil && !inherited.contains($0) }
    }

    /// Whether all strangers were left by children started here. The first process of a container is also given what
    /// others started in it; an inherited child may leave some of its own.
    var areStrangersOurs: Bool { getpid() != 1 && inherited.isEmpty }

    /// Direct children as the kernel lists them, zombies too. Orphans are given to the first thread, which is the loop's.
    private static func children() -> [Int32]? {
        Files.read("/proc/self/task/\(getpid())/children", bytesMax: 1 << 20)?.split(separator: " ").compactMap {
            Int32($0)
        }
    }
}

extension Loop {
    /// Pids of what descendants of this process left to it and what still is there, zombies too; nil where this process does
    /// not take orphans or the kernel does not say.
    public func strangers() -> [Int32]? { orphans?.strangers() }

    /// Whether a stranger can only be what a child of this loop left behind.
    public var areStrangersOurs: Bool { orphans?.areStrangersOurs ?? false }

    /// Pids of the children started on this loop that still run.
    public var childPIDs: [Int32] { Array(children.keys) }
}
