/// One living process of the system's table.
public struct ProcessRow: Hashable, Sendable {
    public let pid: Int32
    public let parent: Int32
    public let session: Int32
    /// Ticks from the machine's boot to the process' start. The kernel may use a pid again, but never with the same
    /// start.
    public let start: UInt64

    public init(pid: Int32, parent: Int32, session: Int32, start: UInt64) {
        self.pid = pid
        self.parent = parent
        self.session = session
        self.start = start
    }
}

/// Tells which processes belong to which sidecar.
///
/// A sidecar begins a session of its own. A process that it starts is its descendant, also after `setsid`, which leaves
/// the session. When the sidecar ends, its children become children of the worker. They still have its mark in their
/// environment, unless a program overwrote it. So the census uses the session, the descent, the mark, and the owners of
/// the last look.
public struct ProcessCensus: Sendable {
    /// Processes that one slot may have.
    public static let processesMax = 512

    /// A sidecar: its own process, and the name of this start.
    public struct Root: Hashable, Sendable {
        public let pid: Int32
        public let instance: String
        /// The process itself is gone and its status taken.
        public let isOver: Bool

        public init(pid: Int32, instance: String, isOver: Bool) {
            self.pid = pid
            self.instance = instance
            self.isOver = isOver
        }
    }

    private struct Name: Hashable {
        let pid: Int32
        let start: UInt64

        init(_ row: ProcessRow) {
            pid = row.pid
            start = row.start
        }
    }

    /// Owners at the last look.
    private var known: [Name: String] = [:]

    public init() {}

    /// The pids of each instance.
    ///
    /// - Parameters:
    ///   - own: the worker's pid. A descendant of the worker that descends from no sidecar has no owner.
    ///   - mark: the instance that a process' environment names. Called if `asksMark` is true for the process.
    public mutating func look(
        at rows: [ProcessRow], roots: [Root], own: Int32, asksMark: (ProcessRow) -> Bool, mark: (Int32) -> String?
    ) -> [String: [Int32]] {
        var table = Table(rows, own: own)
        for root in roots {
            // A process with this pid is a new one. So the session has no members, because the kernel does not give the
            // pid of a session with members to a new process.
            if root.isOver && table.rows[root.pid] != nil { continue }
            table.sessions[root.pid] = root.instance
            table.owners[root.pid] = root.instance
        }
        for row in rows where table.owners[row.pid] == nil {
            table.owners[row.pid] = known[Name(row)] ?? table.sessions[row.session]
        }
        for row in rows where table.owners[row.pid] == nil && row.pid != own && asksMark(row) {
            table.owners[row.pid] = mark(row.pid)
        }
        table.inherit()
        table.shareSessions()
        table.inherit()
        known = [:]
        var found: [String: [Int32]] = [:]
        for row in rows {
            guard let owner = table.owners[row.pid] else { continue }
            known[Name(row)] = owner
            found[owner, default: []].append(row.pid)
        }
        return found
    }

    private struct Table {
        let rows: [Int32: ProcessRow]
        let own: Int32
        var owners: [Int32: String] = [:]
        var sessions: [Int32: String] = [:]

        init(_ list: [ProcessRow], own: Int32) {
            rows = Dictionary(list.map { ($0.pid, $0) }) { first, _ in first }
            self.own = own
        }

        /// A process belongs to the owner of its nearest ancestor that has one.
        mutating func inherit() {
            var ownerless: Set<Int32> = [own]
            for pid in rows.keys where owners[pid] == nil {
                var path: [Int32] = []
                var at = pid
                while owners[at] == nil, ownerless.insert(at).inserted, let row = rows[at] {
                    path.append(at)
                    at = row.parent
                }
                guard let owner = owners[at] else { continue }
                for pid in path {
                    owners[pid] = owner
                    ownerless.remove(pid)
                }
            }
        }

        /// No session spans two sidecars: the worker begins one for each.
        mutating func shareSessions() {
            let ownSession = rows[own]?.session
            for (pid, owner) in owners {
                if let session = rows[pid]?.session, session != ownSession { sessions[session] = owner }
            }
            for row in rows.values where owners[row.pid] == nil && row.session != ownSession {
                owners[row.pid] = sessions[row.session]
            }
        }
    }
}
