import EventLoop
import WorkerCore

/// One handshake with a sidecar, as a client makes it (RFC 6455 section 4.1). The connection is closed after the answer.
final class SidecarProbe: StreamDelegate {
    private let endpoint: SidecarEndpoint
    private let loop: Loop
    private var done: ((_ passed: Bool) -> Void)?
    private var attempt: ConnectAttempt?
    private var stream: Stream?
    private var timer: Timer?
    private var answer: [UInt8] = []

    /// The start of the answer to a handshake that is accepted.
    private static let accepted = Array("HTTP/1.1 101 ".utf8)
    /// A key's value does not matter to a probe. This one is 16 zero bytes.
    private static let key = "AAAAAAAAAAAAAAAAAAAAAA=="

    /// - Parameter done: called once, never from inside this call.
    init(_ endpoint: SidecarEndpoint, loop: Loop, done: @escaping (_ passed: Bool) -> Void) {
        self.endpoint = endpoint
        self.loop = loop
        self.done = done
        guard let address = SocketAddress(host: endpoint.host, port: endpoint.port) else {
            loop.afterThisTurn { self.end(false) }
            return
        }
        timer = loop.schedule(after: WorkerLimits.probeMilliseconds) { [weak self] in
            self?.timer = nil
            self?.end(false)
        }
        attempt = Stream.connect(loop: loop, to: address, timeoutMilliseconds: WorkerLimits.probeMilliseconds) {
            [weak self] result in
            guard let self else {
                if case .success(let stream) = result { stream.close() }
                return
            }
            attempt = nil
            switch result {
            case .success(let stream): ask(stream)
            case .failure: end(false)
            }
        }
    }

    private func ask(_ stream: Stream) {
        self.stream = stream
        stream.delegate = self
        stream.startReading()
        stream.write(
            "GET \(endpoint.path.isEmpty ? "/" : endpoint.path) HTTP/1.1\r\nHost: \(endpoint.authority)\r\n"
                + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: \(SidecarProbe.key)\r\nUser-Agent: berth-probe\r\n\r\n")
    }

    private func end(_ passed: Bool) {
        guard let call = done else { return }
        done = nil
        timer?.cancel()
        attempt?.cancel()
        stream?.close()
        call(passed)
    }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        answer += bytes.prefix(SidecarProbe.accepted.count - answer.count)
        if answer.count == SidecarProbe.accepted.count { end(answer == SidecarProbe.accepted) }
    }

    func streamReachedEnd(_ stream: Stream) { end(false) }
    func streamDrained(_ stream: Stream) {}
    func stream(_ stream: Stream, failed error: SystemError) { end(false) }
}
