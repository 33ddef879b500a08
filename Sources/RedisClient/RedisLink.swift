import EventLoop

/// What a link reports. After each call the link may have been dropped or closed by the one called.
protocol RedisLinkDelegate: AnyObject {
    func linkOpened()
    func link(received reply: RedisReply)
    /// The connection failed or ended; another one follows, after a while, or at once where a node has named another.
    func linkEnded(reason: String, isRedirected: Bool)
}

/// A connection to Redis that comes back: resolves, connects, parses, and after an end waits with full jitter.
///
/// In a cluster it goes where a node sends it. The node that was named last stays a second way in: after each failure
/// the other of the two is tried.
final class RedisLink {
    private static let backoffFirstMilliseconds: UInt64 = 100
    /// Redirections without a log-in between: nodes that point at each other are waited out.
    private static let redirectionsMax = 5

    let loop: Loop
    private let configured: RedisEndpoint
    private var named: RedisEndpoint?
    private var isAtNamed = false
    private var redirections = 0
    /// The one in use.
    var endpoint: RedisEndpoint { isAtNamed ? named ?? configured : configured }
    weak var delegate: (any RedisLinkDelegate)?
    private let connectTimeoutMilliseconds: UInt64
    private let backoffMaxMilliseconds: UInt64
    private(set) var stream: Stream?
    private var reader = RedisReader()
    private var attempt: ConnectAttempt?
    private var timer: Timer?
    /// Counts connections and closings: a late answer to an older one is ignored.
    private var generation = 0
    private var failures = 0
    private var goodSince: UInt64?
    /// When this connection brought its last bytes; nil before the first.
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

    /// Redis serves: from here the connection counts as good.
    func settled() {
        goodSince = loop.now
        redirections = 0
    }

    /// Goes at once to the node that a MOVED names; waits as after any failure when it names none, or too many did.
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

    /// Gives this connection up and makes another one later.
    func drop(_ reason: String) {
        guard isStarted, timer == nil else { return }
        // One that ended soon after its start is no success: a flapping server is not to be stormed.
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
                // A name may have an address that nobody listens on: each try takes the next one.
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
