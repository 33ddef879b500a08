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
        isAtNamed = named != nil && !isAtNamed
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
        stream?.close()
        stream = nil
        reader = RedisReader()
    }

    private func open() {
        timer = nil
        let current = generation
        switch endpoint.place {
        case .unix(let address): connect(address)
        case .host(let host, let port):
            resolveAll(loop: loop, host: host, port: port) { [weak self] result in
                guard let self, generation == current, isStarted else { return }
                switch result {
                // A name may have an address without a listener, so each attempt takes the next address.
                case .success(let found): connect(found[failures % found.count])
                case .failure(let error): drop("\(host): \(error)")
                }
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
                stream.startReading()
                delegate?.linkOpened()
            case .failure(let error): drop("\(endpoint): \(error)")
            }
        }
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

    func stream(_ stream: Stream, failed error: SystemError) { ended("\(error)") }

    private func ended(_ reason: String) {
        drop(heardAt == nil ? RedisFault.unheard(reason, at: endpoint) : reason)
    }
}
