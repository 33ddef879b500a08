import EventLoop
import SlotRun

/// One request to a gateway's public listener, as a client sends it: find its addresses, connect one, by TLS if the
/// address says so, and write the request.
final class GatewayCall: StreamDelegate {
    enum Event {
        case received(UnsafeRawBufferPointer)
        /// The last event: why no gateway was reached, or why the connection ended.
        case ended(words: String, wasReached: Bool)
    }

    static let connectMilliseconds: UInt64 = 5_000

    private let loop: Loop
    private let address: GatewayAddress
    private let authorities: String?
    private let request: [UInt8]
    private var onEvent: ((Event) -> Void)?
    private var race: ConnectRace?
    private var stream: Stream?
    private var timer: Timer?

    /// - Parameters:
    ///   - authorities: for TLS, a file of PEM certificates; nil for those that the system trusts.
    ///   - onEvent: never called from inside this call.
    init(
        loop: Loop, resolver: Resolver, address: GatewayAddress, authorities: String?, request: [UInt8],
        onEvent: @escaping (Event) -> Void
    ) {
        self.loop = loop
        self.address = address
        self.authorities = authorities
        self.request = request
        self.onEvent = onEvent
        timer = loop.schedule(after: Self.connectMilliseconds) { [self] in
            end("\(address.authority): no answer in \(Self.connectMilliseconds) ms")
        }
        guard let (host, port) = SocketAddress.split(address.authority) else {
            loop.afterThisTurn { [self] in end("'\(address.authority)' is no host:port") }
            return
        }
        resolver.resolve(host: host, port: port) { [self] result in
            switch result {
            case .success(let found): connect(to: found, named: host)
            case .failure(let error): end("\(host): \(error)")
            }
        }
    }

    /// Ends the connection. No event follows.
    func close() {
        onEvent = nil
        timer?.cancel()
        timer = nil
        race?.cancel()
        race = nil
        stream?.close()
        stream = nil
    }

    private func connect(to addresses: [SocketAddress], named host: String) {
        guard onEvent != nil else { return }
        race = ConnectRace(loop: loop, to: addresses, timeoutMilliseconds: Self.connectMilliseconds) { [self] result in
            switch result {
            case .success(let stream): connected(stream, host)
            case .failure(let failure): end("\(failure)")
            }
        }
    }

    private func connected(_ stream: Stream, _ host: String) {
        timer?.cancel()
        timer = nil
        self.stream = stream
        stream.delegate = self
        stream.keepAlive(KeepAlive(idleSeconds: 15, intervalSeconds: 5, count: 3))
        do throws(TLSFailure) {
            if address.isEncrypted { stream.secure(asClient: try TLSContext(trusting: authorities), of: TLSPeer(host)) }
        } catch {
            return end("\(error)")
        }
        stream.write(request)
        stream.startReading()
    }

    private func end(_ words: String, wasReached: Bool = false) {
        let call = onEvent
        close()
        call?(.ended(words: words, wasReached: wasReached))
    }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) { onEvent?(.received(bytes)) }
    func streamReachedEnd(_ stream: Stream) {
        end("\(address.authority) closed the connection", wasReached: true)
    }

    func streamDrained(_ stream: Stream) {}
    func stream(_ stream: Stream, failed error: SystemError) {
        if error.isTLS { return end("\(address.authority): \(error.operation)") }
        end("\(address.authority): \(error)", wasReached: true)
    }
}
