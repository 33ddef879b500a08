import QueueCore

/// Who listens where, and what becomes of a dial.
final class Exchange {
    /// What happens to dials, in a thousand.
    struct Faults {
        var refusedPerMille = 0
        var blackHolePerMille = 0
        /// The dialler has no descriptor left.
        var localPerMille = 0
        /// The grant comes a second time, by a copy of the connection.
        var doubledPerMille = 0
        /// The connection breaks within the first so many milliseconds.
        var brokenPerMille = 0
    }

    enum Answer {
        case connected(PipeEnd)
        case refused
        case local
    }

    private struct Listener {
        let process: SimulatedProcess
        let accept: (PipeEnd) -> Void
    }

    let network: Network
    var faults = Faults()
    private var chance: Chance
    private var listeners: [String: Listener] = [:]
    private var pipes: [Pipe] = []

    init(_ network: Network, seed: UInt64) {
        self.network = network
        chance = Chance(seed: seed, stream: "dials")
    }

    func listen(_ process: SimulatedProcess, at address: String, accept: @escaping (PipeEnd) -> Void) {
        listeners[address] = Listener(process: process, accept: accept)
    }

    /// Nothing is answered where packets vanish.
    func dial(
        from process: SimulatedProcess, to address: String, isGrant: Bool, answer: @escaping (Answer) -> Void
    ) {
        let timeline = network.timeline
        if chance.happens(perMille: faults.localPerMille) {
            _ = process.schedule(after: 0) { answer(.local) }
            return
        }
        let isSwallowed = chance.happens(perMille: faults.blackHolePerMille)
        let isRefused = chance.happens(perMille: faults.refusedPerMille)
        let isDoubled = isGrant && chance.happens(perMille: faults.doubledPerMille)
        let breaksAfter =
            chance.happens(perMille: faults.brokenPerMille) ? chance.number(0...milliseconds(60)) : nil
        let host = String(address.prefix { $0 != ":" })
        timeline.after(network.delay()) { [self] in
            guard !isSwallowed, !network.isCut(process.host, host) else { return }
            guard !isRefused, let listener = listeners[address], !listener.process.isGone else {
                timeline.after(network.delay()) { process.arrive { answer(.refused) } }
                return
            }
            let pipe = connect(process, listener)
            timeline.after(network.delay()) { process.arrive { answer(.connected(pipe.near)) } }
            if isDoubled { pipe.near.onSend = { [unowned self] in repeatGrant($0, from: process, listener) } }
            if let breaksAfter { timeline.after(breaksAfter) { pipe.breakOff() } }
        }
    }

    private func connect(_ process: SimulatedProcess, _ listener: Listener) -> Pipe {
        let pipe = Pipe(network, from: process, to: listener.process)
        pipes.removeAll { !$0.isOpen }
        pipes.append(pipe)
        listener.process.arrive { listener.accept(pipe.far) }
        return pipe
    }

    private func repeatGrant(_ message: PeerMessage, from process: SimulatedProcess, _ listener: Listener) {
        guard case .grant = message else { return }
        network.timeline.after(chance.number(0...milliseconds(200))) { [self] in
            guard !listener.process.isGone, !process.isGone else { return }
            let copy = connect(process, listener).near
            // No process holds this end: whatever comes back is answered by a reset.
            copy.onMessage = { [unowned copy] _ in copy.close() }
            copy.send(message)
        }
    }

    /// Breaks one of the connections there are.
    func breakOne(chance: inout Chance) {
        let open = pipes.filter(\.isOpen)
        if !open.isEmpty { chance.one(of: open).breakOff() }
    }

    func end() {
        for pipe in pipes { pipe.dissolve() }
        (pipes, listeners) = ([], [:])
    }
}
