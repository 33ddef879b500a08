/// One client of a load test, from its arrival to the end of its connection. It does no I/O: the driver passes it
/// events with the time in microseconds, and performs the steps that it answers.
public struct ClientSession: Sendable {
    /// How a session ended.
    public enum Outcome: Hashable, Sendable {
        /// It held its slot for its time, or longer if answers came late, and each message was answered.
        case served
        /// An answer other than 101, with its status.
        case refused(status: Int)
        /// The client's patience ended before the answer.
        case gaveUp
        /// No connection could be made.
        case unreachable
        /// The connection ended before the client closed it.
        case lost
        /// The server sent bytes that are no WebSocket, or no answer within `answerMicrosecondsMax`.
        case broken
    }

    /// One action of the driver. The driver performs the steps of an answer in their order.
    public enum Step: Hashable, Sendable {
        case send([UInt8])
        /// Close the connection and connect to the next address.
        case dialNext
        /// The slot is there. The wait took this long, see `waitMicroseconds`.
        case opened(waitMicroseconds: Int)
        /// An answer came, this long after its message was due.
        case answered(microseconds: Int)
        /// The client gives its slot back: its Close was sent.
        case released
        /// Close the connection, by RST if the client gave up. Nothing follows.
        case ended(Outcome)
    }

    private enum State: Sendable {
        /// The connection is being made, or the handshake's head is on its way.
        /// Can transition to: waiting, ended.
        case dialling
        /// The head was sent, the answer is not whole yet. This is the time in the queue.
        /// Can transition to: open, dialling, ended.
        case waiting(answer: [UInt8])
        /// The slot is held. `due` is when the message that is not answered yet was to be sent; nil if none is.
        /// Can transition to: closing, ended.
        case open(due: Int?)
        /// The client's Close was sent, the server's end is awaited.
        /// Can transition to: ended.
        case closing
        case ended
    }

    /// A timer of the loop fires up to this late. A client that starts within this time after its arrival counts as on
    /// time; for a later one, the wait includes the generator's own delay.
    public static let timerMicroseconds = 2_000
    /// After this long without an answer to a message, or to the Close, a session ends as broken.
    public static let answerMicrosecondsMax = 30_000_000
    private static let headBytesMax = 64 * 1_024
    /// The key of RFC 6455, section 1.3, and its proof.
    private static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    private static let proof = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    private let start: Int
    private let hold: Int
    private let patience: Int?
    private let frames: FrameMix
    private var state = State.dialling
    private var reader = ServerFrames()
    private var opened = 0
    private var exchanges = 0
    private var closed = 0
    private var addressesLeft: Int

    /// - Parameters:
    ///   - due: when the client was to arrive.
    ///   - now: when it does.
    ///   - hold: for how long it holds its slot at least. It ends when all its messages were answered.
    ///   - addresses: how many it may connect to. After an address that cannot be reached, or refuses with 503, it
    ///     tries the next one, as a balancer in front would.
    public init(due: Int, now: Int, hold: Int, patience: Int?, frames: FrameMix, addresses: Int = 1) {
        addressesLeft = addresses - 1
        start = now - due <= ClientSession.timerMicroseconds ? now : due
        (self.hold, self.patience, self.frames) = (hold, patience, frames)
    }

    public var isWaiting: Bool {
        switch state {
        case .dialling, .waiting: true
        default: false
        }
    }

    public var isEnded: Bool { if case .ended = state { true } else { false } }

    /// How long the client has waited, from its arrival.
    public func waitMicroseconds(now: Int) -> Int { now - start }

    /// The handshake (RFC 6455, section 4.1). It is as long as a real client's.
    public static func head(target: String, host: String, fields: [(String, String)]) -> [UInt8] {
        let own = fields.map { "\($0.0): \($0.1)\r\n" }.joined()
        let text =
            "GET \(target) HTTP/1.1\r\nUser-Agent: loadtest\r\n\(own)Sec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: \(key)\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nHost: \(host)\r\n\r\n"
        return Array(text.utf8)
    }

    /// The connection is there.
    public mutating func connected(head: [UInt8]) -> [Step] {
        guard case .dialling = state else { return [] }
        state = .waiting(answer: [])
        return [.send(head)]
    }

    /// No connection can be made to the address.
    public mutating func unreachable() -> [Step] { dialNext() ?? end(.unreachable) }

    private mutating func dialNext() -> [Step]? {
        guard addressesLeft > 0 else { return nil }
        addressesLeft -= 1
        state = .dialling
        return [.dialNext]
    }

    /// When `tick` is to be called next; nil if only bytes move the session on.
    public var nextTick: Int? {
        switch state {
        case .dialling, .waiting: patience.map { start + $0 }
        case .open(let due?): due + ClientSession.answerMicrosecondsMax
        case .open(nil): exchanges < frames.count ? exchangeTime(exchanges) : opened + hold
        case .closing: closed + ClientSession.answerMicrosecondsMax
        case .ended: nil
        }
    }

    /// The time is `nextTick` or later.
    public mutating func tick(now: Int) -> [Step] {
        guard let next = nextTick, now >= next else { return [] }
        switch state {
        case .dialling, .waiting: return end(.gaveUp)
        case .open(nil): return goOn(now: now)
        case .open: return end(.broken)
        case .closing, .ended: return end(.served)
        }
    }

    public mutating func received(_ bytes: UnsafeRawBufferPointer, now: Int) -> [Step] {
        switch state {
        case .waiting(let before): return read(answer: before + bytes, now: now)
        case .open, .closing: return read(frames: bytes, now: now)
        case .dialling, .ended: return []
        }
    }

    /// The server ended the connection, or it failed.
    public mutating func lost() -> [Step] {
        if case .closing = state { return end(.served) }
        return end(.lost)
    }

    private mutating func read(answer: [UInt8], now: Int) -> [Step] {
        let text = String(decoding: answer, as: UTF8.self)
        guard let head = text.firstRange(of: "\r\n\r\n") else {
            state = .waiting(answer: answer)
            return answer.count > ClientSession.headBytesMax ? end(.broken) : []
        }
        let words = text[..<head.lowerBound].prefix(32).split(separator: " ")
        guard words.first?.hasPrefix("HTTP/1.") == true, words.count > 1, let status = Int(words[1].prefix(3)) else {
            return end(.broken)
        }
        if status == 503, let next = dialNext() { return next }
        guard status == 101 else { return end(.refused(status: status)) }
        guard text[..<head.lowerBound].contains(ClientSession.proof) else { return end(.broken) }
        opened = now
        state = .open(due: nil)
        var steps: [Step] = [.opened(waitMicroseconds: waitMicroseconds(now: now))]
        let rest = Array(answer[text[..<head.upperBound].utf8.count...])
        if !rest.isEmpty { steps += rest.withUnsafeBytes { read(frames: $0, now: now) } }
        return steps
    }

    private mutating func read(frames bytes: UnsafeRawBufferPointer, now: Int) -> [Step] {
        var steps: [Step] = []
        for event in reader.read(bytes) {
            switch (event, state) {
            case (_, .ended): return steps
            case (.ping(let payload), _): steps.append(.send(ClientFrames.pong(payload)))
            case (.message, .open(let due?)):
                steps.append(.answered(microseconds: now - due))
                state = .open(due: nil)
            case (.message, _): break
            case (.close, .closing): steps += end(.served)
            case (.close, _): steps += end(.lost)
            case (.broken, _): steps += end(.broken)
            }
        }
        return steps
    }

    /// Sends the next message, or the Close after the last one.
    private mutating func goOn(now: Int) -> [Step] {
        guard exchanges < frames.count else {
            closed = now
            state = .closing
            return [.send(ClientFrames.close), .released]
        }
        let due = exchangeTime(exchanges)
        state = .open(due: now - due <= ClientSession.timerMicroseconds ? now : due)
        defer { exchanges += 1 }
        return [.send(ClientFrames.message(frames.exchange(exchanges)))]
    }

    private func exchangeTime(_ number: Int) -> Int { opened + hold * (2 * number + 1) / (2 * frames.count) }

    private mutating func end(_ outcome: Outcome) -> [Step] {
        if case .ended = state { return [] }
        state = .ended
        return [.ended(outcome)]
    }
}
