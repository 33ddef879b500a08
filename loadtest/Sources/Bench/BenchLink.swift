import EventLoop
import Glibc

/// One client connection: a handshake, then raw bytes, which it counts.
final class BenchLink: StreamDelegate {
    enum Failure: Error { case refused(String), lost(SystemError?) }

    private enum State { case connecting, head([UInt8]), idle, pinging(left: Int), draining, pouring, closing, ended }

    private var stream: Stream?
    private var state = State.connecting
    private var message: UnsafeRawBufferPointer = .init(start: nil, count: 0)
    /// Called once: with `nil` after a 101, else with the reason why there was none.
    private var onOpen: ((Failure?) -> Void)?
    /// Called if the connection ends after the handshake, before its owner closes it.
    var onLoss: ((Failure) -> Void)?
    /// Called when a message came back whole. Returns true to send the message again.
    var onRoundTrip: () -> Bool = { false }
    private(set) var bytesReceived = 0
    private(set) var bytesPoured = 0
    /// A connection writes at most so many chunks before other connections have their turn.
    private static let chunksOfATurn = 16

    /// - Parameter tls: nil for a plain connection.
    init(
        loop: Loop, to address: SocketAddress, tls: TLSContext? = nil, target: String,
        onOpen: @escaping (Failure?) -> Void
    ) {
        self.onOpen = onOpen
        // A long timeout: thousands connect at once, and if a backlog overflows, the kernel tries again after 1 s and 2
        // s.
        Stream.connect(loop: loop, to: address, timeoutMilliseconds: 10_000) { [self] result in
            switch result {
            case .failure(let error): end(.lost(error))
            case .success(let stream):
                self.stream = stream
                state = .head([])
                stream.delegate = self
                if let tls { stream.secure(asClient: tls, of: TLSPeer(address.host)) }
                stream.startReading()
                stream.write(BenchHead.text(target: target))
                if tls == nil { sent() }
            }
        }
    }

    /// Called once, when the kernel has the whole head. With TLS this is after the handshake.
    var onSent: (() -> Void)?

    /// Sends the message. After each echo `onRoundTrip` decides whether to send it again.
    func ping(_ message: UnsafeRawBufferPointer) {
        self.message = message
        state = .pinging(left: message.count)
        stream?.write(message)
    }

    /// Sends the chunk again and again, as fast as the other side reads, until `stopPouring()`.
    func pour(_ chunk: UnsafeRawBufferPointer) {
        message = chunk
        state = .pouring
        pourOn()
    }

    /// Bytes that were sent before may still be on their way.
    func stopPouring() { state = .idle }

    private func pourOn() {
        guard case .pouring = state, let stream else { return }
        for _ in 0..<BenchLink.chunksOfATurn {
            guard stream.queuedBytes == 0 else { return }
            stream.write(message)
            bytesPoured += message.count
        }
        if stream.queuedBytes == 0 { stream.loop.afterThisTurn { self.pourOn() } }
    }

    /// Starts or stops the peer's stream. The bytes that come are counted.
    func stream(_ isOn: Bool) {
        state = .draining
        stream?.write([isOn ? BenchPeer.start : BenchPeer.stop])
    }

    /// Sends a Close frame (RFC 6455 section 5.5.1). `onLoss` follows when the other side has closed.
    func sendClose() {
        state = .closing
        stream?.write([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8])
    }

    func close() {
        state = .ended
        stream?.close()
    }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        switch state {
        case .pinging(let left) where left > bytes.count: state = .pinging(left: left - bytes.count)
        case .pinging(let left) where left == bytes.count:
            if onRoundTrip() {
                state = .pinging(left: message.count)
                stream.write(message)
            } else {
                state = .idle
            }
        case .draining: bytesReceived += bytes.count
        case .head(let before): read(head: before + Array(bytes))
        // A gateway sends pings to clients that are quiet.
        case .idle, .pouring, .closing: break
        default: end(.refused("bytes nobody asked for"))
        }
    }

    func streamDrained(_ stream: Stream) {
        sent()
        pourOn()
    }

    private func sent() {
        let call = onSent
        onSent = nil
        call?()
    }

    func streamReachedEnd(_ stream: Stream) { end(.lost(nil)) }
    func stream(_ stream: Stream, failed error: SystemError) { end(.lost(error)) }

    private func read(head bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.hasPrefix("HTTP/1.1 101 ") else { return end(.refused(text)) }
        state = text.hasSuffix("\r\n\r\n") ? .idle : .head(bytes)
        if case .idle = state { opened(nil) }
    }

    private func opened(_ failure: Failure?) {
        let call = onOpen
        onOpen = nil
        call?(failure)
    }

    private func end(_ failure: Failure) {
        if case .ended = state { return }
        close()
        if onOpen != nil { opened(failure) } else { onLoss?(failure) }
    }
}
