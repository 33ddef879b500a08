import EventLoop
import Glibc

/// One client connection: a handshake, then raw bytes, counted.
final class BenchLink: StreamDelegate {
    enum Failure: Error { case refused(String), lost(SystemError?) }

    private enum State { case connecting, head([UInt8]), idle, pinging(left: Int), draining, ended }

    private var stream: Stream?
    private var state = State.connecting
    private var message: UnsafeRawBufferPointer = .init(start: nil, count: 0)
    /// The handshake was answered by 101; nil, or why it was not. Called once.
    private var onOpen: ((Failure?) -> Void)?
    /// After the handshake: the connection ended before its owner closed it.
    var onLoss: ((Failure) -> Void)?
    /// One message came back whole. Asked whether to send it again.
    var onRoundTrip: () -> Bool = { false }
    private(set) var bytesReceived = 0

    init(loop: Loop, to address: SocketAddress, target: String, onOpen: @escaping (Failure?) -> Void) {
        self.onOpen = onOpen
        // Thousands connect at once, and a backlog that overflows costs the kernel's retries of 1 s and 2 s.
        Stream.connect(loop: loop, to: address, timeoutMilliseconds: 10_000) { [self] result in
            switch result {
            case .failure(let error): end(.lost(error))
            case .success(let stream):
                self.stream = stream
                state = .head([])
                stream.delegate = self
                stream.startReading()
                stream.write(BenchHead.text(target: target))
                onSent?()
            }
        }
    }

    /// The head was handed to the kernel.
    var onSent: (() -> Void)?

    /// Sends the message and, at each echo of it, asks `onRoundTrip` whether to go on.
    func ping(_ message: UnsafeRawBufferPointer) {
        self.message = message
        state = .pinging(left: message.count)
        stream?.write(message)
    }

    /// Has the source start or stop; what comes is counted.
    func stream(_ isOn: Bool) {
        state = .draining
        stream?.write([isOn ? BenchPeer.start : BenchPeer.stop])
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
        default: end(.refused("bytes nobody asked for"))
        }
    }

    func streamDrained(_ stream: Stream) {}
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
