import EventLoop

/// One channel's messages, over a connection of its own that comes back by itself and never unsubscribes.
///
/// Messages published while the connection is away are lost: `.subscribed` is the moment to look at what was missed.
///
/// In a cluster a PUBLISH counts the receivers at its own node only, so the subscription stands where the channel's hash
/// tag belongs: the sharded channel of the same name leads there, and tells when that moves.
public final class RedisSubscription {
    /// What becomes of the subscription.
    public enum Event: Hashable, Sendable {
        case subscribed
        /// An attempt failed or the connection ended; the next one follows by itself.
        case lost(reason: String)
    }

    /// How often Redis is asked whether it is there, and how long it has for its answer.
    var pingMilliseconds: UInt64 = 2000

    private let link: RedisLink
    private let channel: String
    private let onEvent: (Event) -> Void
    private let onMessage: ([UInt8]) -> Void
    private var heartbeat: Timer?
    private var secondLook: Timer?
    private var heardSinceLastPing = false
    public private(set) var isSubscribed = false

    public init(
        loop: Loop, endpoint: RedisEndpoint, channel: String, onEvent: @escaping (Event) -> Void,
        onMessage: @escaping ([UInt8]) -> Void
    ) {
        self.channel = channel
        self.onEvent = onEvent
        self.onMessage = onMessage
        link = RedisLink(
            loop: loop, endpoint: endpoint, connectTimeoutMilliseconds: 1000, backoffMaxMilliseconds: 2000)
        link.delegate = self
    }

    deinit {
        link.close()
        stop()
    }

    /// Connects and subscribes, and again after each end, until `close()`.
    public func start() { link.start() }

    /// Ends for good; no event follows. Idempotent.
    public func close() {
        link.close()
        stop()
    }

    private func stop() {
        isSubscribed = false
        heartbeat?.cancel()
        heartbeat = nil
        secondLook?.cancel()
        secondLook = nil
    }

    private func beat() {
        if heardSinceLastPing && isSubscribed {
            heardSinceLastPing = false
            link.write(redisCommand("PING"))
            return
        }
        // After a pause of our own the answer may lie unread in the socket: one more turn decides.
        secondLook?.cancel()
        secondLook = link.loop.schedule(after: 1) { [weak self] in
            guard let self, !(heardSinceLastPing && isSubscribed) else { return }
            link.drop("Redis did not answer for \(pingMilliseconds) ms")
        }
    }
}

extension RedisSubscription: RedisLinkDelegate {
    func linkOpened() {
        heardSinceLastPing = false
        heartbeat = link.loop.schedule(
            after: pingMilliseconds, repeating: pingMilliseconds
        ) { [weak self] in self?.beat() }
        if let password = link.endpoint.password {
            link.write(link.endpoint.user.map { redisCommand("AUTH", $0, password) } ?? redisCommand("AUTH", password))
        }
        link.write(redisCommand("SSUBSCRIBE", channel) + redisCommand("SUBSCRIBE", channel))
    }

    func linkEnded(reason: String, isRedirected: Bool) {
        stop()
        if !isRedirected { onEvent(.lost(reason: reason)) }
    }

    func link(received reply: RedisReply) {
        heardSinceLastPing = true
        if let text = reply.errorText {
            if text.hasPrefix("MOVED ") { return link.redirect(text) }
            link.drop(RedisFault.explain(text, at: link.endpoint))
            return
        }
        // ["subscribe", channel, 1], ["message", channel, bytes], ["pong", ""]; the answer to AUTH is a status.
        guard let elements = reply.elements, let kind = elements.first?.text else { return }
        if kind == "subscribe" {
            isSubscribed = true
            link.settled()
            onEvent(.subscribed)
        } else if kind == "sunsubscribe" {
            link.drop("the channel's slot moved to another node")
        } else if kind == "message", elements.count == 3, case .bulk(let bytes) = elements[2] {
            onMessage(bytes)
        }
    }
}
