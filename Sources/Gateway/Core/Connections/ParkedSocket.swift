import QueueCore

/// A client that has its 101 before it has a slot (`park=websocket`), for balancers that cut connections that are silent.
///
/// While it waits the gateway is its WebSocket server: it sends pings, answers pings and keeps messages. When the worker has
/// proved itself, the sidecar's own 101 is read and dropped, and the sidecar gets the messages. From then on bytes are
/// relayed.
public struct ParkedSocket: Sendable {
    enum State: Hashable, Sendable {
        /// No slot yet. Can transition to: joining, over.
        case waiting
        /// The worker serves the client, and the head of the sidecar's answer is arriving. Can transition to: over.
        case joining(SidecarAnswer)
        /// A relay has both sides, or a Close was sent. Can transition to: nothing.
        case over
    }

    /// The effect on the client.
    public enum Action: Hashable, Sendable {
        /// Write these bytes; none for nothing.
        case write([UInt8])
        /// The client has left, or must leave: write these bytes and end the connection.
        case leave([UInt8])
        /// Relay from here on, behind these bytes.
        /// - Parameter answer: the head of the sidecar's answer, which the client does not get.
        case join(toSidecar: [UInt8], toClient: [UInt8], answer: [UInt8])
        case refuse(Refusal)
    }

    /// Between two pings.
    public static let parkedPingMilliseconds: UInt64 = 15_000
    /// From a ping that nothing answers until the client counts as gone.
    public static let parkedSilenceMilliseconds: UInt64 = 30_000
    /// Messages of one client that are kept, with the heads of their frames.
    public static let keptBytesMax = 64 * 1_024

    private(set) var state = State.waiting
    private var frames = ClientFrames(keptBytesMax: keptBytesMax)
    /// The first ping since the client's last byte, in milliseconds of the loop's clock.
    private var pinged: UInt64?

    public init() {}

    /// The 101. No extension and no subprotocol is agreed on, and the sidecar is asked for none.
    /// - Parameter accept: the value of `Sec-WebSocket-Accept`.
    public static func opening(accept: String) -> [UInt8] {
        Array(
            ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: \(accept)\r\n\r\n").utf8)
    }

    /// The Close frame that tells a refusal.
    public static func close(for refusal: Refusal, retryAfterSeconds: Int) -> [UInt8] {
        let code = refusal.code.row.closeCode ?? 1_008
        return FrameCursor.close(code: UInt16(code), reason: refusal.words(retryAfterSeconds: retryAfterSeconds))
    }

    /// Bytes of the client.
    public mutating func received(_ bytes: some Sequence<UInt8>) -> Action {
        guard state != .over else { return .write([]) }
        pinged = nil
        var answers: [UInt8] = []
        for event in frames.read(bytes) {
            switch event {
            case .ping(let payload): answers += ClientFrames.pong(payload)
            case .close(let status): return leave(answers + ClientFrames.close(status: status))
            case .violation: return leave(answers + ClientFrames.close(status: ClientFrames.protocolError))
            case .overflow:
                let words = "More than \(ParkedSocket.keptBytesMax / 1_024) KiB came before a slot was free"
                return leave(answers + FrameCursor.close(code: 1_009, reason: words))
            }
        }
        return .write(answers)
    }

    /// Called every `parkedPingMilliseconds`.
    public mutating func pingDue(now: UInt64) -> Action {
        guard state != .over else { return .write([]) }
        let since = pinged ?? now
        guard now - since < ParkedSocket.parkedSilenceMilliseconds else { return leave([]) }
        pinged = since
        return .write([0x89, 0])
    }

    /// The worker proved itself.
    public mutating func proved() {
        if state == .waiting { state = .joining(SidecarAnswer()) }
    }

    /// Bytes of the sidecar.
    public mutating func answered(_ bytes: some Sequence<UInt8>) -> Action {
        guard case .joining(var answer) = state else { return .write([]) }
        switch answer.read(bytes) {
        case .needMore:
            state = .joining(answer)
            return .write([])
        case .refused(let refusal):
            state = .over
            return .refuse(refusal)
        case .accepted(let head, let rest):
            state = .over
            return .join(toSidecar: frames.handOver(), toClient: rest, answer: head)
        }
    }

    /// The worker's connection ended before the sidecar had answered.
    public mutating func workerEnded() -> Action {
        state = .over
        return .refuse(.workerLost)
    }

    /// A Close was sent for another reason, or the connection is closed.
    public mutating func ended() { state = .over }

    private mutating func leave(_ bytes: [UInt8]) -> Action {
        state = .over
        return .leave(bytes)
    }
}
