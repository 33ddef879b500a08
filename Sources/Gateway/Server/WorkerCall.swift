import EventLoop
import Glibc
import QueueCore

/// One call of a worker: find its addresses, connect one, write a request, and read one answer line, all within one
/// deadline.
///
/// It reports its outcome once. After that, or once abandoned, it only holds the connection open until `close()`,
/// because the worker must not see the connection end before Redis has the verdict on the call.
final class WorkerCall: DialCall, StreamDelegate {
    enum Outcome {
        /// The worker's line, and the bytes that came behind it. The stream is the caller's from here on.
        case answer(Wire.Answer, Stream, rest: [UInt8])
        case unreachable(String)
        /// It took the connection and closed it without an answer: it does not know the peer.
        case closed
        /// This process had nothing left to dial with, or could not ask for the name's addresses.
        case local(String)
    }

    private let loop: Loop
    private let request: [UInt8]
    private var onOutcome: ((Outcome) -> Void)?
    private var race: ConnectRace?
    /// The name's addresses are not known yet.
    private var isResolving = false
    private var stream: Stream?
    private var timer: Timer?
    private var line: [UInt8] = []
    private var isClosed = false

    /// - Parameters:
    ///   - address: `host:port`; the host may be a name.
    ///   - onConnecting: called when the first SYN is sent.
    init(
        loop: Loop, resolver: Resolver, address: String, request: [UInt8], onConnecting: @escaping () -> Void,
        onOutcome: @escaping (Outcome) -> Void
    ) {
        self.loop = loop
        self.request = request
        self.onOutcome = onOutcome
        timer = loop.schedule(after: GatewayLimits.dialMilliseconds) { [weak self] in
            self?.timedOut()
        }
        if let literal = SocketAddress(address) {
            onConnecting()
            connect(to: [literal])
        } else if let (host, port) = SocketAddress.split(address) {
            isResolving = true
            resolver.resolve(host: host, port: port) { [weak self] result in
                guard let self, self.onOutcome != nil else { return }
                isResolving = false
                switch result {
                case .success(let found):
                    onConnecting()
                    connect(to: found)
                case .failure(let error):
                    // An unknown name is the worker's fault. A name server that does not answer is not.
                    let words = "\(host): \(error)"
                    finish(error.isUnknownName ? .unreachable(words) : .local(words))
                }
            }
        } else {
            loop.afterThisTurn { [weak self] in self?.finish(.unreachable("not an address: \(address)")) }
        }
    }

    func abandon() {
        onOutcome = nil
        timer?.cancel()
        timer = nil
    }

    func close() {
        abandon()
        isClosed = true
        race?.cancel()
        race = nil
        stream?.close()
        stream = nil
    }

    private func connect(to addresses: [SocketAddress]) {
        race = ConnectRace(loop: loop, to: addresses, timeoutMilliseconds: GatewayLimits.dialMilliseconds) {
            [weak self] result in
            guard let self else {
                if case .success(let stream) = result { stream.close() }
                return
            }
            race = nil
            switch result {
            case .success(let stream): connected(stream)
            case .failure(let failure):
                let isLocal = failure.errors.allSatisfy(WorkerCall.isLocal)
                finish(isLocal ? .local("\(failure)") : .unreachable("\(failure)"))
            }
        }
    }

    private func timedOut() {
        let words = "no answer in \(GatewayLimits.dialMilliseconds) ms"
        if isResolving { return finish(.local("the name was not resolved: \(words)")) }
        finish(.unreachable(stream == nil ? words : "it took the connection, but \(words)"))
    }

    private func connected(_ stream: Stream) {
        guard !isClosed else { return stream.close() }
        self.stream = stream
        stream.delegate = self
        // An abandoned grant must not be used, so nothing is sent. The connection stays open until `close()`.
        guard onOutcome != nil else { return }
        stream.keepAlive(KeepAlive(idleSeconds: 3, intervalSeconds: 2, count: 3))
        stream.write(request)
        stream.startReading()
    }

    private func finish(_ outcome: Outcome) {
        let call = onOutcome
        abandon()
        call?(outcome)
    }

    private static func isLocal(_ error: SystemError) -> Bool {
        [EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL].contains(-error.code)
    }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        guard onOutcome != nil else { return }
        line += bytes
        guard let end = line.prefix(Wire.lineMax).firstIndex(of: 0x0A) else {
            if line.count >= Wire.lineMax { finish(.unreachable("its answer is too long")) }
            return
        }
        guard end > 0, line[end - 1] == 0x0D,
            let answer = Wire.answer(line: String(decoding: line[..<(end - 1)], as: UTF8.self))
        else { return finish(.unreachable("its answer cannot be read")) }
        // The stream now belongs to the caller, which starts reading again.
        stream.stopReading()
        self.stream = nil
        stream.delegate = nil
        finish(.answer(answer, stream, rest: Array(line[(end + 1)...])))
    }

    func streamReachedEnd(_ stream: Stream) { finish(.closed) }

    /// A worker closes without an answer if it does not know the peer, because a stranger must not learn why.
    static let closedWords =
        "it closed without an answer: NODE_SECRET differs between this gateway and that worker, or another program or worker "
        + "listens there now; the worker's log says which"
    func streamDrained(_ stream: Stream) {}
    func stream(_ stream: Stream, failed error: SystemError) {
        self.stream = nil
        finish(.unreachable("\(error)"))
    }
}
