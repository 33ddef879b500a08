import EventLoop
import QueueCore
import WorkerCore

/// No process: the slots stand for things outside of Berth, such as licences, boards or graphics cards.
package struct LeaseKind: SidecarKind {
    /// By slot of the pool.
    let names: [String]

    package init(names: [String]) { self.names = names }

    /// Slots without names are called by their numbers.
    package init(slots: Int) { names = (0..<slots).map { "\($0)" } }

    package func checked(for pool: Pool, on machine: SidecarMachine) -> any SidecarKind { self }

    package func start(
        _ start: SidecarStart, at site: SidecarSite, onEvent: @escaping (SidecarRunEvent) -> Void
    ) -> any SidecarRun {
        StandingSidecar(loop: site.loop, look: { $0(.stands(at: nil)) }, onEvent: onEvent)
    }

    package func session(_ connection: GrantedConnection) -> any SlotSession {
        LeaseSession(connection, name: names[connection.place])
    }
}
