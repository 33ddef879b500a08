import EventLoop
import GatewayCore

/// The driver of the machine `ParkedSocket`: its pings, and the worker's stream until the sidecar has answered.
final class ParkedClient: StreamDelegate {
    private var socket = ParkedSocket()
    private let loop: Loop
    private let onAction: (ParkedSocket.Action) -> Void
    private var timer: Timer?
    private var worker: Stream?

    /// - Parameter onAction: never called from inside a call of this object's owner.
    init(loop: Loop, onAction: @escaping (ParkedSocket.Action) -> Void) {
        self.loop = loop
        self.onAction = onAction
        timer = loop.schedule(
            after: ParkedSocket.parkedPingMilliseconds, repeating: ParkedSocket.parkedPingMilliseconds
        ) { [unowned self] in onAction(socket.pingDue(now: loop.now)) }
    }

    private static let suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// - Parameter key: the client's `Sec-WebSocket-Key`.
    static func opening(key: String) -> [UInt8] {
        ParkedSocket.opening(accept: Crypto.base64(Crypto.sha1(Array((key + suffix).utf8))))
    }

    func received(_ bytes: UnsafeRawBufferPointer) -> ParkedSocket.Action { socket.received(bytes) }

    /// Reads the worker's stream until the sidecar has answered.
    /// - Parameter rest: bytes that came behind the proof.
    func join(_ worker: Stream, rest: [UInt8]) {
        self.worker = worker
        worker.delegate = self
        socket.proved()
        loop.afterThisTurn { [self] in
            guard self.worker != nil else { return }
            worker.startReading()
            onAction(socket.answered(rest))
        }
    }

    /// The worker's stream for the relay.
    func takeWorker() -> Stream? {
        defer { worker = nil }
        worker?.stopReading()
        return worker
    }

    /// Ends the pings, and the worker's stream if no relay has it. Idempotent.
    func close() {
        socket.ended()
        timer?.cancel()
        timer = nil
        worker?.close()
        worker = nil
    }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) { onAction(socket.answered(bytes)) }
    func streamReachedEnd(_ stream: Stream) { onAction(socket.workerEnded()) }
    func streamDrained(_ stream: Stream) {}
    func stream(_ stream: Stream, failed error: SystemError) { onAction(socket.workerEnded()) }
}
