import EventLoop
import QueueCore
import WorkerCore

/// A session without a sidecar: the connection itself stands for what the client holds. The worker answers the client's
/// WebSocket handshake, its pings and its Close, and drops its messages.
final class LeaseSession: SlotSession, StreamDelegate {
    var grant: Wire.GrantRequest { connection.grant }
    private(set) var bytes: (fromClient: UInt64, toClient: UInt64) = (0, 0)
    private let connection: GrantedConnection
    /// The name of what the client holds.
    private let name: String
    private var onEvent: ((SessionEvent) -> Void)?
    /// nil before the proof.
    private var frames: ClientFrames?
    private var timeOver: Timer?

    init(_ connection: GrantedConnection, name: String) {
        self.connection = connection
        self.name = name
    }

    func begin(on endpoint: SidecarEndpoint?, onEvent: @escaping (SessionEvent) -> Void) {
        self.onEvent = onEvent
        connection.watch(self)
        connection.gateway.loop.afterThisTurn { self.onEvent?(.sidecarConnected) }
    }

    func prove() {
        connection.prove()
        write(Array(WebSocketAnswer.opening(to: connection.head, fields: ["x-berth-lease": name]).utf8))
        frames = ClientFrames()
        // A client of a lease has nothing to say while it holds the lease, so `idle` does not count.
        guard let milliseconds = grant.bounds.ttlMilliseconds else { return }
        timeOver = connection.gateway.loop.schedule(after: UInt64(milliseconds)) { [weak self] in
            self?.timeOver = nil
            self?.onEvent?(.timeOver(.ttl))
        }
    }

    func end(_ farewell: Slot.Vacated.Farewell, saying words: ClosingWords?) {
        onEvent = nil
        timeOver?.cancel()
        timeOver = nil
        if case .reject(let reason) = farewell { return connection.reject(reason) }
        if let frames, !frames.isOver, let words { write(words.frame) }
        // The client has its Close; if not, the gateway tells it why the session ended.
        if frames != nil { Answers.close(connection.gateway) } else { connection.gateway.close() }
    }

    private func write(_ answer: [UInt8]) {
        bytes.toClient += UInt64(answer.count)
        connection.gateway.write(answer)
    }

    // MARK: The gateway's stream

    func stream(_ stream: Stream, received: UnsafeRawBufferPointer) {
        guard frames != nil else { return gone() }
        bytes.fromClient += UInt64(received.count)
        for event in frames?.read(received) ?? [] {
            switch event {
            case .ping(let payload):
                // One pong may answer several pings (RFC 6455 section 5.5.3), so a client that does not read costs
                // no memory.
                if stream.queuedBytes == 0 { write(ClientFrames.pong(payload)) }
            case .close(let status):
                write(ClientFrames.close(status: status))
                onEvent?(.ended(.clientClosed))
            case .violation, .overflow:
                write(ClientFrames.close(status: ClientFrames.protocolError))
                onEvent?(.ended(.clientClosed))
            }
        }
    }

    func streamReachedEnd(_ stream: Stream) { gone() }
    func streamDrained(_ stream: Stream) {}
    func stream(_ stream: Stream, failed error: SystemError) { gone() }

    private func gone() { onEvent?(frames == nil ? .gatewayClosed : .ended(.clientDropped)) }
}
