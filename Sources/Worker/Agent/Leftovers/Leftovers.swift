import EventLoop
import Glibc
import QueueCore

/// The mark of a worker's sidecars. A later worker finds by it the processes that outlived their worker.
///
/// A worker ends what its sidecars started (`Sweeper`), unless it is killed. Then its sidecars die with it (PDEATHSIG),
/// but their children may not. Each sidecar has its worker's node, generation and process in its environment, and its
/// children inherit them. A worker that starts kills all processes that have its node id and whose worker is gone.
struct SidecarMark {
    static let nodeKey = "BERTH_SIDECAR_NODE"
    static let generationKey = "BERTH_SIDECAR_GENERATION"
    /// `<pid>.<start time>` of the worker: the kernel may have given the pid to another process since.
    static let ownerKey = "BERTH_SIDECAR_OWNER"
    /// The work folder of this start.
    static let instanceKey = "BERTH_SIDECAR_INSTANCE"

    let node: String
    let generation: String

    init(_ id: ProcessID) {
        node = String(id.node)
        generation = String(id.text.suffix(16))
    }

    var environment: [String: String] {
        [
            SidecarMark.nodeKey: node, SidecarMark.generationKey: generation,
            SidecarMark.ownerKey: Leftovers.name(of: getpid()) ?? "",
        ]
    }
}

enum Leftovers {
    /// Looks at most. One is not enough, because dying processes may still fork.
    private static let roundsMax = 5

    /// Kills what earlier workers of this node id left, and removes their work folders. Returns the number of
    /// processes.
    static func sweep(_ mark: SidecarMark, parent: String) -> Int {
        var killed: Set<Int32> = []
        var living: Set<String> = [mark.generation]
        for _ in 0..<roundsMax {
            var found = 0
            for name in Files.entries("/proc") {
                guard let pid = Int32(name), pid != getpid(), let marks = marks(of: pid),
                    marks[SidecarMark.nodeKey] == mark.node, let generation = marks[SidecarMark.generationKey],
                    generation != mark.generation
                else { continue }
                if isAlive(owner: marks[SidecarMark.ownerKey] ?? "") {
                    living.insert(generation)
                    continue
                }
                killGroup(of: pid)
                killed.insert(pid)
                found += 1
            }
            if found == 0 { break }
        }
        LeftoverFolders.sweep(parent, node: mark.node, except: living)
        return killed.count
    }

    /// Kills the process and its group, because browsers overwrite the environment of the processes they fork.
    private static func killGroup(of pid: Int32) {
        let group = getpgid(pid)
        if group > 1 && group != getpgrp() { Glibc.kill(-group, SIGKILL) }
        Glibc.kill(pid, SIGKILL)
    }

    /// The marks in a process' environment; nil if there are none or the environment cannot be read.
    static func marks(of pid: Int32) -> [String: String]? {
        guard let bytes = Files.readBytes("/proc/\(pid)/environ", bytesMax: 1 << 20) else { return nil }
        var marks: [String: String] = [:]
        for entry in bytes.split(separator: 0) where entry.starts(with: "BERTH_SIDECAR_".utf8) {
            guard let equals = entry.firstIndex(of: UInt8(ascii: "=")) else { continue }
            marks[String(decoding: entry[..<equals], as: UTF8.self)] =
                String(decoding: entry[(equals + 1)...], as: UTF8.self)
        }
        return marks.isEmpty ? nil : marks
    }

    /// `<pid>.<start time>` of a process that lives; nil for one that is gone or a zombie.
    static func name(of pid: Int32) -> String? {
        ProcessTable.row(of: pid).map { "\(pid).\($0.start)" }
    }

    static func isAlive(owner: String) -> Bool {
        guard let pid = owner.split(separator: ".").first.flatMap({ Int32($0) }) else { return false }
        return name(of: pid) == owner
    }
}
