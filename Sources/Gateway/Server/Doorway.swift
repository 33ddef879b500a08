import EventLoop
import GatewayCore

/// Accepts connections. If there are too many without a tenant, it closes the oldest of those.
final class Doorway {
    /// Set before `open` only.
    var budget: DescriptorBudget {
        get { occupancy.budget }
        set { occupancy.budget = newValue }
    }
    /// The kernel detects within 30 s that a client vanished.
    private static let keepAlive = KeepAlive(idleSeconds: 15, intervalSeconds: 5, count: 3)

    private(set) var occupancy: Occupancy
    private let loop: Loop
    private var listener: Listener?
    /// Connections whose head is not whole.
    private var heads = OldestFirst<ClientConnection>()
    /// Connections of no tenant that were answered and not closed yet.
    private var lingering = OldestFirst<ClientConnection>()
    /// Nothing is accepted until the heads of the last connections have had time to arrive.
    private var isHeldUp = false
    private var hold: Timer?
    var onDropped: () -> Void = {}

    init(loop: Loop, budget: DescriptorBudget) {
        self.loop = loop
        occupancy = Occupancy(budget: budget)
    }

    /// The port listened on, once open.
    var port: Int { listener?.port ?? 0 }

    /// - Parameter sharesPort: other processes may listen on the same address.
    func open(
        _ address: SocketAddress, sharesPort: Bool, makeClient: @escaping (Stream) -> ClientConnection
    ) throws(SystemError) {
        listener = try Listener(
            loop: loop, address: address, sharesPort: sharesPort, keepAlive: Doorway.keepAlive
        ) { [unowned self] in accepted(makeClient($0)) }
    }

    /// Takes the connections that are in the backlog, and no others.
    func stopListening() {
        let closing = listener
        listener = nil
        closing?.closeAfterBacklog()
    }

    /// A connection is there whose head is not whole.
    var awaitsHeads: Bool { heads.count > 0 }

    private func accepted(_ client: ClientConnection) {
        client.place = occupancy.accepted()
        if client.place == .stranger { awaitHead(of: client) }
        adjust()
        client.accepted(isFull: client.place == .beyondBudget)
    }

    private func awaitHead(of client: ClientConnection) {
        heads.insert(client, now: loop.now)
        while heads.count > budget.headsMax, let oldest = heads.oldest() {
            onDropped()
            oldest.element.makeRoom()
        }
        guard heads.count == budget.headsMax, !isHeldUp, let since = heads.oldest()?.since else { return }
        let due = since + DescriptorBudget.headGraceMilliseconds
        if loop.now < due { holdUp(milliseconds: due - loop.now) }
    }

    /// Leaves further connections in the backlog, until those accepted have had time to send their heads.
    private func holdUp(milliseconds: UInt64) {
        isHeldUp = true
        hold = loop.schedule(after: milliseconds) { [self] in
            hold = nil
            // The timer may fire before the loop reads bytes that arrived. One more whole turn reads them all.
            loop.afterThisTurn { [self] in
                loop.afterThisTurn { [self] in
                    isHeldUp = false
                    adjust()
                }
            }
        }
    }

    private func adjust() {
        if occupancy.mayAccept, !isHeldUp { listener?.resume() } else { listener?.pause() }
    }

    /// Counts the connection for a tenant. False if that tenant has `max` connections already.
    func enter(_ client: ClientConnection, tenant: String, max: Int) -> Bool {
        guard let place = occupancy.enter(tenant, max: max) else { return false }
        client.place = place
        return true
    }

    /// Its head is whole, or was refused.
    func headEnded(_ client: ClientConnection) { heads.remove(client) }

    /// It was answered, and its own end is awaited.
    func lingers(_ client: ClientConnection) {
        heads.remove(client)
        guard client.place == .stranger else { return }
        lingering.insert(client, now: loop.now)
        while lingering.count > budget.refusedMax, let oldest = lingering.oldest() { oldest.element.makeRoom() }
    }

    func relayBegan() { occupancy.relayBegan() }
    func relayEnded(_ client: ClientConnection) { occupancy.relayEnded(client.place) }

    /// A connection was closed that no relay had.
    func closed(_ client: ClientConnection) {
        heads.remove(client)
        lingering.remove(client)
        occupancy.closed(client.place)
        adjust()
    }

    func close() {
        hold?.cancel()
        hold = nil
        listener?.close()
        listener = nil
    }
}
