import EventLoop

/// Events of a link. The delegate may drop or close the link inside each call.
protocol RedisLinkDelegate: AnyObject {
    func linkOpened()
    func link(received reply: RedisReply)
    /// The connection failed or ended. The next one follows after a delay, or at once if a node redirected us.
    func linkEnded(reason: String, isRedirected: Bool)
}

/// A connection to Redis that reconnects automatically. It resolves, connects and parses; after an end it waits with
/// full jitter.
///
/// In a cluster it follows redirections. The node named last is kept as a second address: after each failure the other
/// of the two addresses is tried.
///
/// With sentinels it asks them for the primary before each connection. Sentinel ends the connections of a primary that it
/// makes a replica, so that the link asks again.
final class RedisLink {
    private static let backoffFirstMilliseconds: UInt64 = 100
    /// Most redirections in a row. After that we wait, because the nodes may redirect to each other.
    private static let redirectionsMax = 5

    let loop: Loop
    private let configured: RedisEndpoint
    private var named: RedisEndpoint?
    private var isAtNamed = false
    private var redirections = 0
    /// The endpoint in use.
    var endpoint: RedisEndpoint { isAtNamed ? named ?? configured : configured }
    weak var delegate: (any RedisLinkDelegate)?
    private let connectTimeoutMilliseconds: UInt64
    private let backoffMaxMilliseconds: UInt64
    private(set) var stream: Stream?
    private var reader = RedisReader()
    private var attempt: ConnectAttempt?
    private var search: SentinelSearch?
    private var timer: Timer?
    /// Grows with each connection and each end, so that a late answer to an older attempt is ignored.
    private var generation = 0
    private var failures = 0
    private var goodSince: UInt64?
    /// When this connection last received bytes; nil before the first.
    private(set) var heardAt: UInt64?
    private var isStarted = false

    init(loop: Loop, endpoint: RedisEndpoint, connectTimeoutMilliseconds: UInt64, backoffMaxMilliseconds: UInt64) {
        self.loop = loop
        configured = endpoint
        self.connectTimeoutMilliseconds = connectTimeoutMilliseconds
        self.backoffMaxMilliseconds = backoffMaxMilliseconds
    }

    func start() {
        guard !isStarted else { return }
        isStarted = true
        open()
    }

    func close() {
        isStarted = false
        end()
    }

    func write(_ bytes: [UInt8]) { stream?.write(bytes) }

    /// Redis answers, so the connection counts as good from now on.
    func settled() {
        goodSince = loop.now
        redirections = 0
    }

    /// Connects at once to the node that a MOVED names. Waits as after any failure if it names none, or after too many
    /// redirections.
    func redirect(_ moved: String) {
        guard isStarted, timer == nil else { return }
        guard redirections < RedisLink.redirectionsMax, let node = endpoint.moved(moved) else { return drop(moved) }
        redirections += 1
        named = node
        isAtNamed = true
        end()
        let current = generation
        loop.afterThisTurn { [weak self] in
            guard let self, generation == current, isStarted else { return }
            open()
        }
        delegate?.linkEnded(reason: moved, isRedirected: true)
    }

    /// Ends this connection and makes another one later.
    func drop(_ reason: String) {
        guard isStarted, timer == nil else { return }
        // A connection that ended soon after its start counts as a failure, so that an unstable server gets few
        // attempts.
        let wasGood = goodSince.map { loop.now - $0 >= backoffMaxMilliseconds } ?? false
        failures = wasGood ? 1 : min(failures + 1, 16)
        isAtNamed = named != nil && !isAtNamed && !hasSentinels
        redirections = 0
        end()
        let ceiling = min(backoffMaxMilliseconds, RedisLink.backoffFirstMilliseconds << UInt64(failures - 1))
        timer = loop.schedule(after: .random(in: 0...ceiling)) { [weak self] in self?.open() }
        delegate?.linkEnded(reason: reason, isRedirected: false)
    }

    private func end() {
        generation += 1
        goodSince = nil
        heardAt = nil
        timer?.cancel()
        timer = nil
        attempt?.cancel()
        attempt = nil
        search?.cancel()
        search = nil
        stream?.close()
        stream = nil
        reader = RedisReader()
    }

    private func open() {
        timer = nil
        switch endpoint.place {
        case .unix(let address): connect(address)
        case .host(let host, let port): resolve(host, port)
        case .sentinels(let group):
            search = SentinelSearch(loop: loop, group: group, first: failures) { [weak self] result in
                guard let self else { return }
                search = nil
                switch result {
                case .success(let host):
                    named = configured.primary(at: host)
                    isAtNamed = true
                    resolve(host.name, host.port)
                case .failure(let failure): drop(failure.words)
                }
            }
        }
    }

    private var hasSentinels: Bool {
        if case .sentinels = configured.place { return true }
        return false
    }

    private func resolve(_ host: String, _ port: Int) {
        let current = generation
        resolveAll(loop: loop, host: host, port: port) { [weak self] result in
            guard let self, generation == current, isStarted else { return }
            switch result {
            // A name may have an address without a listener, so each attempt takes the next address.
            case .success(let found): connect(found[failures % found.count])
            case .failure(let error): drop("\(host): \(error)")
            }
        }
    }

    private func connect(_ address: SocketAddress) {
        attempt = Stream.connect(loop: loop, to: address, timeoutMilliseconds: connectTimeoutMilliseconds) {
            [weak self] result in
            guard let self else {
                (try? result.get())?.close()
                return
            }
            attempt = nil
            switch result {
            case .success(let stream):
                self.stream = stream
                stream.delegate = self
                stream.keepAlive(KeepAlive(idleSeconds: 3, intervalSeconds: 2, count: 3))
                do throws(TLSFailure) {
                    try secure(stream)
                } catch {
                    return drop(RedisFault.encryption(error.description, at: endpoint))
                }
                stream.startReading()
                delegate?.linkOpened()
            case .failure(let error): drop("\(endpoint): \(error)")
            }
        }
    }
}

extension RedisLink {
    /// Begins TLS if the endpoint asks for it. What the owner writes waits until the server has proved its name, the
    /// password too. The authorities are read at each connection, so that they may change.
    private func secure(_ stream: Stream) throws(TLSFailure) {
        guard endpoint.isEncrypted, case .host(let host, _) = endpoint.place else { return }
        stream.secure(asClient: try TLSContext(trusting: endpoint.authorities), of: TLSPeer(host))
    }
}

extension RedisLink: StreamDelegate {
    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        let current = generation
        let first = heardAt == nil ? bytes.first : nil
        heardAt = loop.now
        reader.feed(bytes)
        do throws(RedisReader.ProtocolError) {
            while generation == current, let reply = try reader.next() {
                delegate?.link(received: reply)
            }
        } catch {
            drop(RedisFault.garbled(error.message, first: first, at: endpoint))
        }
    }

    func streamReachedEnd(_ stream: Stream) { ended("Redis closed the connection") }

    func streamDrained(_ stream: Stream) {}

    func stream(_ stream: Stream, failed error: SystemError) {
        if error.isTLS { return drop(RedisFault.encryption(error.operation, at: endpoint)) }
        ended("\(error)")
    }

    private func ended(_ reason: String) {
        guard heardAt == nil else { return drop(reason) }
        drop(RedisFault.unheard(reason, isHandshaking: stream?.isHandshaking ?? false, at: endpoint))
    }
}
