/// One accepted connection as its socket sees it, from accept to close.
///
/// The machine decides what bytes, ends and deadlines of the socket mean in each state. The queue is the business of
/// `Waiter`, and a half-closed session that of the relay. An answer of ours is always followed by a lingering close: it
/// is written, our side ends, and bytes that still arrive are read and thrown away, so that no reset overtakes the
/// answer.
public struct Client: Sendable {
    public enum State: Hashable, Sendable, CaseIterable {
        /// Nothing was decided yet.
        /// Can transition to: readingHead, closing, closed.
        case accepted
        /// Its head is arriving, within one total deadline.
        /// Can transition to: waiting, closing, closed.
        case readingHead
        /// Its head was admitted. The gateway sends nothing, and still reads, to notice the end.
        /// Can transition to: relaying, holding, closing, closed.
        case waiting
        /// Its bytes go to a worker and back.
        /// Can transition to: closed.
        case relaying
        /// Its answer has begun, and goes on for as long as the client holds its slot.
        /// Can transition to: closing, closed.
        case holding
        /// The gateway's answer is on its way. The gateway waits a moment for the client's end.
        /// Can transition to: closed.
        case closing
        /// Can transition to: nothing.
        case closed
    }

    /// The effect on the socket or on the wait.
    public enum Action: Hashable, Sendable {
        case none
        case readHead
        /// The bytes belong to its head.
        case parse
        case answer(Refusal)
        /// End the wait, because the client left, and close the connection.
        case leave
        /// End the wait, because the client broke the protocol. The wait supplies the answer.
        case breakOff
        /// End the wait, because its time is over. The wait supplies the answer.
        case expireWait
        /// Close the connection without an answer.
        case close
    }

    /// From the accept to the whole head.
    public static let headMillisecondsMax: UInt64 = 10_000
    /// From our answer to the client's own end.
    public static let lingerMilliseconds: UInt64 = 1_000

    public private(set) var state = State.accepted

    public init() {}

    /// - Parameter isFull: no descriptor may be parked any more.
    public mutating func admitted(isFull: Bool) -> Action {
        guard state == .accepted else { return .none }
        state = isFull ? .closing : .readingHead
        return isFull ? .answer(.gatewayFull) : .readHead
    }

    /// Bytes came.
    public mutating func received() -> Action {
        switch state {
        case .readingHead: .parse
        case .waiting: .breakOff
        // Bytes that come behind an answer are thrown away.
        case .accepted, .relaying, .holding, .closing, .closed: .none
        }
    }

    /// Its head was accepted, and it waits from now on.
    public mutating func headRead() {
        if state == .readingHead { state = .waiting }
    }

    /// The driver writes an answer of the gateway: a refusal, or a response such as discovery.
    public mutating func answered() {
        switch state {
        case .accepted, .readingHead, .waiting, .holding, .closing: state = .closing
        case .relaying, .closed: break
        }
    }

    /// The client will send no more (FIN). It no longer waits, and gets no answer.
    public mutating func reachedEnd() -> Action {
        switch state {
        case .waiting, .holding:
            state = .closed
            return .leave
        case .accepted, .readingHead, .closing:
            state = .closed
            return .close
        case .relaying, .closed:
            return .none
        }
    }

    /// Its connection broke; nothing can be written any more.
    public mutating func failed() -> Action { reachedEnd() }

    /// The deadline of the present state is over.
    public mutating func deadlinePassed() -> Action {
        switch state {
        case .readingHead:
            state = .closing
            return .answer(.headTimeout)
        case .waiting:
            return .expireWait
        case .closing:
            state = .closed
            return .close
        case .accepted, .relaying, .holding, .closed:
            return .none
        }
    }

    /// The worker proved itself; from now on the relay owns both sockets.
    public mutating func proved() {
        if state == .waiting { state = .relaying }
    }

    /// The worker proved itself to a client that holds its slot by its answer.
    public mutating func held() {
        if state == .waiting { state = .holding }
    }

    /// Both sides of its session are closed.
    public mutating func relayEnded() {
        if state == .relaying { state = .closed }
    }
}
