import EventLoop
import QueueCore
import WorkerCore

/// A connection until it has sent its request: a grant with the client's head, or a probe.
///
/// A connection closes without an answer if its request does not arrive within `WorkerLimits.requestMilliseconds`, or
/// has no valid mac.
final class GatewayConnection: StreamDelegate {
    enum Request {
        case grant(Wire.GrantRequest, SidecarHead)
        case probe(Wire.ProbeRequest)
    }

    private let stream: Stream
    /// Returns the secret that signed the request; nil if the connection must close.
    private let judge: (Wire.Request) -> SigningKey?
    /// Called once: with the request and the secret it was signed with, or nil when the stream was closed.
    private var onRequest: ((Stream, (Request, secret: SigningKey)?) -> Void)?
    private var timer: Timer?
    private var bytes: [UInt8] = []
    private var grant: (Wire.GrantRequest, secret: SigningKey)?

    init(
        _ stream: Stream, judge: @escaping (Wire.Request) -> SigningKey?,
        onRequest: @escaping (Stream, (Request, secret: SigningKey)?) -> Void
    ) {
        self.stream = stream
        self.judge = judge
        self.onRequest = onRequest
        timer = stream.loop.schedule(after: WorkerLimits.requestMilliseconds) { [weak self] in
            self?.timer = nil
            self?.finish(nil)
        }
        stream.delegate = self
        stream.startReading()
    }

    /// Reads the bytes that have arrived, before the loop does.
    func readWhatCame() { stream.readWhatCame() }

    /// Closes without an answer.
    func close() { finish(nil) }

    private func finish(_ request: (Request, secret: SigningKey)?) {
        guard let call = onRequest else { return }
        onRequest = nil
        timer?.cancel()
        timer = nil
        if request == nil { stream.close() }
        call(stream, request)
    }

    private func readLine() {
        guard let newline = bytes.prefix(Wire.lineMax).firstIndex(of: 0x0A) else {
            if bytes.count >= Wire.lineMax { finish(nil) }
            return
        }
        guard newline > 0, bytes[newline - 1] == 0x0D,
            let request = Wire.request(line: String(decoding: bytes[..<(newline - 1)], as: UTF8.self)),
            let secret = judge(request)
        else { return finish(nil) }
        bytes.removeFirst(newline + 1)
        switch request {
        case .grant(let grant, _):
            self.grant = (grant, secret)
            readHead()
        case .probe(let probe, _):
            finish(bytes.isEmpty ? (.probe(probe), secret) : nil)
        }
    }

    private func readHead() {
        guard let (grant, secret) = grant else { return }
        switch SidecarHead.read(bytes[...]) {
        case .incomplete: return
        case .complete(let head): finish((.grant(grant, head), secret))
        case .invalid: finish(nil)
        }
    }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        guard onRequest != nil else { return }
        guard self.bytes.count + bytes.count <= Wire.lineMax + SidecarHead.bytesMax else { return finish(nil) }
        self.bytes += bytes
        if grant == nil { readLine() } else { readHead() }
    }

    func streamReachedEnd(_ stream: Stream) { finish(nil) }
    func streamDrained(_ stream: Stream) {}
    func stream(_ stream: Stream, failed error: SystemError) { finish(nil) }
}
