import EventLoop
import QueueCore
import WorkerCore

/// A lease's connection at the worker, from its grant to its end: the gateway's stream, the sidecar's stream, and after
/// the proof the relay between them.
final class Session: SlotSession, StreamDelegate {
    var grant: Wire.GrantRequest { connection.grant }
    private let connection: GrantedConnection
    private let gateway: Stream
    private let loop: Loop
    private var onEvent: ((SessionEvent) -> Void)?
    /// The sidecar's, once the session begins.
    private var endpoint: SidecarEndpoint?
    private var attempt: ConnectAttempt?
    private var sidecar: Stream?
    private var relay: Relay?
    private var flush: Timer?
    private var firstByte: Timer?
    /// At the end of the client's time limits.
    private var timeOver: Timer?
    private let frames: SessionFrames
    /// The sidecar ended its connection, and the relay is writing the rest to the gateway.
    private var isLeft = false

    init(_ connection: GrantedConnection) {
        self.connection = connection
        gateway = connection.gateway
        loop = gateway.loop
        frames = SessionFrames(loop)
    }

    func begin(on endpoint: SidecarEndpoint?, onEvent: @escaping (SessionEvent) -> Void) {
        self.endpoint = endpoint
        self.onEvent = onEvent
        connection.watch(self)
        guard let address = endpoint.flatMap({ SocketAddress(host: $0.host, port: $0.port) }) else {
            loop.afterThisTurn { self.onEvent?(.sidecarUnreachable(SystemError(code: -22, operation: "connect"))) }
            return
        }
        attempt = Stream.connect(
            loop: loop, to: address, timeoutMilliseconds: WorkerLimits.sidecarConnectMilliseconds
        ) { [weak self] result in
            guard let self else { return }
            self.attempt = nil
            switch result {
            case .success(let stream):
                self.sidecar = stream
                self.onEvent?(.sidecarConnected)
            case .failure(let error):
                self.onEvent?(.sidecarUnreachable(error))
            }
        }
    }

    func prove() {
        guard let sidecar, let endpoint else { return }
        connection.prove()
        sidecar.write(connection.head.composed(for: endpoint))
        self.sidecar = nil
        relay = Relay(gateway, sidecar, lingerMilliseconds: WorkerLimits.lingerMilliseconds, loop: loop) {
            [weak self] end in
            self?.relayEnded(end)
        }
        // The sidecar has nothing more to do with the client, even if the client has not read everything yet.
        relay?.onBEnded = { [weak self] in
            self?.isLeft = true
            self?.sessionEnded(bySidecar: true)
        }
        logMessages()
        relay?.witness = frames
        frames.onFirstByte = { [weak self] in
            guard let self else { return }
            stopFirstByte()
            // Not before, because a client must not end a sidecar that is slow to answer, nor be told its own limit then.
            frames.clock = SessionClock(grant.bounds, now: loop.now)
            watchClock()
            onEvent?(.sidecarAnswered)
        }
        frames.onFrozen = { [weak self] in self?.onEvent?(.sidecarFroze) }
        firstByte = loop.schedule(after: connection.firstByteMilliseconds) { [weak self] in
            self?.stopFirstByte()
            self?.onEvent?(.firstByteOverdue)
        }
    }

    private func watchClock() {
        guard let end = frames.clock?.end else { return }
        timeOver = loop.schedule(after: end.at - min(end.at, loop.now)) { [weak self] in
            guard let self, let end = frames.clock?.end else { return }
            timeOver = nil
            // Messages have moved the end of `idle`.
            if end.at > loop.now { watchClock() } else { onEvent?(.timeOver(end.bound)) }
        }
    }

    private func logMessages() {
        guard let log = connection.log else { return }
        log.begin()
        relay?.tap = { side, bytes in log.passed(bytes, from: side == .a ? .client : .sidecar) }
    }

    private func stopFirstByte() {
        firstByte?.cancel()
        firstByte = nil
        frames.onFirstByte = nil
    }

    private func stopTimers() {
        stopFirstByte()
        timeOver?.cancel()
        timeOver = nil
    }

    /// With `flush` the relay still passes on what the sidecar sent before it ended.
    func end(_ farewell: Slot.Vacated.Farewell, saying words: ClosingWords?) {
        onEvent = nil
        stopTimers()
        frames.words = words
        attempt?.cancel()
        attempt = nil
        sidecar?.close()
        sidecar = nil
        switch farewell {
        case .close:
            // The relay writes what the sidecar sent last, and ends by itself.
            if isLeft { return closeRelay(after: WorkerLimits.lastBytesMilliseconds) }
            guard let relay, words != nil else {
                relay?.close()
                return gateway.close()
            }
            closeRelay(after: WorkerLimits.lastBytesMilliseconds)
            relay.finish()
        case .flush:
            guard relay != nil else { return gateway.close() }
            closeRelay(after: WorkerLimits.lingerMilliseconds)
        case .reject(let reason):
            connection.reject(reason)
        }
    }

    private func closeRelay(after milliseconds: UInt64) {
        flush = loop.schedule(after: milliseconds) {
            self.flush = nil
            self.relay?.close()
        }
    }

    var bytes: (fromClient: UInt64, toClient: UInt64) { relay.map { ($0.bytesAToB, $0.bytesBToA) } ?? (0, 0) }

    private func relayEnded(_ end: Relay.End) {
        connection.log?.end()
        flush?.cancel()
        flush = nil
        sessionEnded(bySidecar: end.first == .b)
    }

    private func sessionEnded(bySidecar: Bool) {
        stopTimers()
        onEvent?(.ended(frames.clientCloses ? .clientClosed : bySidecar ? .sidecarClosed : .clientDropped))
    }

    // Before the proof. After it the relay is the delegate.
    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) { onEvent?(.gatewayClosed) }
    func streamReachedEnd(_ stream: Stream) { onEvent?(.gatewayClosed) }
    func streamDrained(_ stream: Stream) {}
    func stream(_ stream: Stream, failed error: SystemError) { onEvent?(.gatewayClosed) }
}
