import EventLoop
import QueueCore
import WorkerCore

/// A lease's connection at the worker, from its grant to its end: the gateway's stream, the sidecar's stream, and after
/// the proof the relay between them.
final class Session: SlotSession, StreamDelegate {
    let grant: Wire.GrantRequest
    private let secret: [UInt8]
    private let head: SidecarHead
    private let gateway: Stream
    private let loop: Loop
    private var onEvent: ((SessionEvent) -> Void)?
    /// The sidecar's, once the session begins.
    private var endpoint: SidecarEndpoint?
    private var attempt: ConnectAttempt?
    private var sidecar: Stream?
    private var relay: Relay?
    private var flush: Timer?
    private let firstByteMilliseconds: UInt64
    private var firstByte: Timer?

    init(
        _ grant: Wire.GrantRequest, secret: [UInt8], head: SidecarHead, gateway: Stream, firstByteMilliseconds: UInt64
    ) {
        self.firstByteMilliseconds = firstByteMilliseconds
        self.grant = grant
        self.secret = secret
        self.head = head
        self.gateway = gateway
        loop = gateway.loop
    }

    func begin(on endpoint: SidecarEndpoint, onEvent: @escaping (SessionEvent) -> Void) {
        self.endpoint = endpoint
        self.onEvent = onEvent
        gateway.keepAlive(KeepAlive(idleSeconds: 3, intervalSeconds: 2, count: 3))
        gateway.delegate = self
        gateway.startReading()
        guard let address = SocketAddress(host: endpoint.host, port: endpoint.port) else {
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
        gateway.write(Answers.proof(grant, secret: secret))
        sidecar.write(head.composed(for: endpoint))
        self.sidecar = nil
        relay = Relay(gateway, sidecar, lingerMilliseconds: WorkerLimits.lingerMilliseconds, loop: loop) {
            [weak self] end in
            self?.relayEnded(end)
        }
        relay?.tailBytesMax = ClosingFrame.bytesMax
        relay?.witness = FirstByte { [weak self] in
            self?.stopFirstByte()
            self?.onEvent?(.sidecarAnswered)
        }
        firstByte = loop.schedule(after: firstByteMilliseconds) { [weak self] in
            self?.stopFirstByte()
            self?.onEvent?(.firstByteOverdue)
        }
    }

    private func stopFirstByte() {
        firstByte?.cancel()
        firstByte = nil
        relay?.witness = nil
    }

    /// With `flush` the relay still passes on what the sidecar sent before it ended.
    func end(_ farewell: Slot.Vacated.Farewell) {
        onEvent = nil
        stopFirstByte()
        attempt?.cancel()
        attempt = nil
        sidecar?.close()
        sidecar = nil
        switch farewell {
        case .close:
            relay?.close()
            gateway.close()
        case .flush:
            guard relay != nil else { return gateway.close() }
            flush = loop.schedule(after: WorkerLimits.lingerMilliseconds) {
                self.flush = nil
                self.relay?.close()
            }
        case .reject(let reason):
            Answers.send(Answers.reject(grant, reason, secret: secret), andClose: gateway)
        }
    }

    var bytes: (fromClient: UInt64, toClient: UInt64) { relay.map { ($0.bytesAToB, $0.bytesBToA) } ?? (0, 0) }

    private func relayEnded(_ end: Relay.End) {
        flush?.cancel()
        flush = nil
        stopFirstByte()
        let isClosing = ClosingFrame.ends(end.tailOfA)
        onEvent?(.ended(isClosing ? .clientClosed : end.first == .b ? .sidecarClosed : .clientDropped))
    }

    // Before the proof. After it the relay is the delegate.
    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) { onEvent?(.gatewayClosed) }
    func streamReachedEnd(_ stream: Stream) { onEvent?(.gatewayClosed) }
    func streamDrained(_ stream: Stream) {}
    func stream(_ stream: Stream, failed error: SystemError) { onEvent?(.gatewayClosed) }
}

/// Calls back at the first bytes from the sidecar.
private final class FirstByte: RelayWitness {
    private let onPassed: () -> Void

    init(onPassed: @escaping () -> Void) { self.onPassed = onPassed }

    func relay(_ relay: Relay, passed bytes: UnsafeRawBufferPointer) { onPassed() }
    func relayLastWords(_ relay: Relay, cause: Relay.Cause) -> [UInt8] { [] }
}
