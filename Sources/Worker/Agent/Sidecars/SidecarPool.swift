import QueueCore
import WorkerCore

/// All sidecars of a worker. Slots take seats on them; the pool performs what its seat table decides.
final class SidecarPool {
    /// Changes of a slot's seat.
    enum News {
        /// The slot sits on a ready sidecar.
        case seated
        /// The slot has no seat, for this reason. Out: no sidecar starts soon.
        case lost(isOut: Bool, Sidecar.Trouble?)
        /// The sidecar of a closed slot is gone.
        case closed
    }

    private var seats: SeatTable
    private var sidecars: [Sidecar] = []
    private let onNews: (_ slot: Int, News) -> Void

    /// - Parameters:
    ///   - pools: one for each slot.
    ///   - onNews: may be called from inside `close`.
    init(pools: [Pool], _ around: SidecarContext, onNews: @escaping (_ slot: Int, News) -> Void) {
        seats = SeatTable(slots: pools.count)
        self.onNews = onNews
        sidecars = seats.sidecars.map { number in
            let slot = seats.slot(of: number)
            return Sidecar(slot: slot, pool: pools[slot], around) { [weak self] in
                self?.sidecar(number, $0)
            }
        }
    }

    func start() {
        for sidecar in sidecars { sidecar.start() }
    }

    /// No sidecar runs.
    var isStopped: Bool { sidecars.allSatisfy(\.isStopped) }

    /// The sidecar that a slot sits on; nil while the slot has no seat.
    func seat(of slot: Int) -> Sidecar? { seats.sidecar(of: slot).map { sidecars[$0] } }

    /// The slot's session is over, and no other client may use this sidecar.
    /// - Parameter hungUp: the sidecar ended the connection.
    func replace(_ slot: Int, hungUp: Bool) {
        if let number = seats.giveBack(slot) { sidecars[number].replace(hungUp: hungUp) }
    }

    /// The slot's sidecar runs, but does not take or answer connections.
    func condemn(_ slot: Int) {
        if let number = seats.giveBack(slot) { sidecars[number].condemn() }
    }

    /// The slot takes no seat any more.
    func close(_ slot: Int) {
        for number in seats.close(slot) { sidecars[number].stop() }
    }

    private func sidecar(_ number: Int, _ report: SidecarSupervisor.Report) {
        switch report {
        case .none:
            break
        case .ready:
            if let slot = seats.ready(number) { onNews(slot, .seated) }
        case .lost(let isOut):
            seats.lost(number)
            onNews(seats.slot(of: number), .lost(isOut: isOut, sidecars[number].trouble))
        case .stopped:
            onNews(seats.slot(of: number), .closed)
        }
    }
}
