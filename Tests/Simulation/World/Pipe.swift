import QueueCore

/// What goes over a connection between a gateway and a worker. The macs are left out: who answers is who was called, and
/// the nonce stands for the proof of it.
enum PeerMessage {
    case grant(Wire.GrantRequest, client: Int)
    case probe(Wire.ProbeRequest)
    case proof(nonce: String)
    case reject(RejectReason, nonce: String)
    case alive(nonce: String)
    /// A client's bytes.
    case bytes
}

/// One end of a connection between two processes.
final class PipeEnd {
    let process: SimulatedProcess
    private let lane: Lane
    fileprivate var other: PipeEnd?
    var onMessage: (PeerMessage) -> Void = { _ in }
    /// The other side closed, its process ended, or the connection died.
    var onEnd: () -> Void = {}
    /// Sees what is sent from this end.
    var onSend: ((PeerMessage) -> Void)?
    fileprivate(set) var isOpen = true

    fileprivate init(_ process: SimulatedProcess, lane: Lane) {
        self.process = process
        self.lane = lane
        process.whenGone { [weak self] in self?.processEnded() }
    }

    func send(_ message: PeerMessage) {
        guard isOpen else { return }
        onSend?(message)
        lane.send { [self] in
            guard let peer = other else { return }
            peer.process.arrive { if peer.isOpen { peer.onMessage(message) } }
        }
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        sendEnd()
        onMessage = { _ in }
        onEnd = {}
    }

    /// The kernel closes for a process that ended, unless its machine is gone with it: then only silence tells.
    private func processEnded() {
        guard isOpen else { return }
        isOpen = false
        sendEnd()
    }

    private func sendEnd() {
        lane.send { [self] in
            guard let peer = other else { return }
            peer.process.arrive { peer.ended() }
        }
    }

    fileprivate func ended() {
        guard isOpen else { return }
        isOpen = false
        let call = onEnd
        onMessage = { _ in }
        onEnd = {}
        sendEnd()
        call()
    }
}

/// A TCP connection between a gateway and a worker.
final class Pipe {
    /// Keepalive: 3 s, then three times 2 s.
    private static let keepAlive = milliseconds(9_000)
    private static let look = milliseconds(3_000)

    let near: PipeEnd
    let far: PipeEnd
    private let network: Network

    init(_ network: Network, from one: SimulatedProcess, to other: SimulatedProcess) {
        self.network = network
        near = PipeEnd(one, lane: Lane(network, from: one.host, to: other.host))
        far = PipeEnd(other, lane: Lane(network, from: other.host, to: one.host))
        near.other = far
        far.other = near
        watch(silentSince: nil)
    }

    /// A reset in between: both ends see it.
    func breakOff() {
        network.onBreak()
        for end in [near, far] { end.process.arrive { end.ended() } }
    }

    /// Nobody needs it any more: lets the two ends go.
    func dissolve() { (near.other, far.other) = (nil, nil) }

    var isOpen: Bool { near.isOpen || far.isOpen }

    /// Looks now and then whether the other side is still reached, as keepalive does; both ends find out.
    private func watch(silentSince: Int64?) {
        network.timeline.after(Pipe.look) { [self] in
            guard isOpen else { return dissolve() }
            guard network.isCut(near.process.host, far.process.host) else { return watch(silentSince: nil) }
            let since = silentSince ?? network.timeline.now
            if network.timeline.now - since < Pipe.keepAlive - Pipe.look { return watch(silentSince: since) }
            breakOff()
        }
    }
}
