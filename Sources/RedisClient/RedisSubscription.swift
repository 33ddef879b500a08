import EventLoop

/// Receives the messages of one channel over a connection of its own. Reconnects automatically and never unsubscribes.
///
/// Messages published while the connection is down are lost. At each `.subscribed` the owner must fetch what it missed.
///
/// In a cluster, PUBLISH counts only receivers at its own node, so we subscribe on the node that owns the hash tag.
/// SSUBSCRIBE to the same name finds that node: other nodes redirect it, and Redis ends it when the slot moves.
public final class RedisSubscription {
    /// A change of the subscription's state.
    public enum Event: Hashable, Sendable {
        case subscribed
        /// An attempt failed or the connection ended. The next attempt follows automatically.
        case lost(reason: String)
    }

    /// The interval of PING. The answer must arrive before the next PING is due.
    var pingMilliseconds: UInt64 = 2000

    private let link: RedisLink
    private let channel: String
    private let onEvent: (Event) -> Void
    private let onMessage: ([UInt8]) -> Void
    private var heartbeat: Timer?
    private var recheck: Timer?
    private var receivedSinceLastPing = false
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

    /// Connects and subscribes. Does so again after each loss, until `close()`.
    public func start() { link.start() }

    /// Closes the connection for good. No event follows. Idempotent.
    public func close() {
        link.close()
        stop()
    }

    private func stop() {
        isSubscribed = false
        heartbeat?.cancel()
        heartbeat = nil
        recheck?.cancel()
        recheck = nil
    }

    private func beat() {
        if receivedSinceLastPing && isSubscribed {
            receivedSinceLastPing = false
            link.write(redisCommand("PING"))
            return
        }
        // If this process was paused, the answer may be unread in the socket. Check again after one turn of the loop.
        recheck?.cancel()
        recheck = link.loop.schedule(after: 1) { [weak self] in
            guard let self, !(receivedSinceLastPing && isSubscribed) else { return }
            link.drop(
                RedisFault.silent(
                    milliseconds: pingMilliseconds, isHandshaking: link.stream?.isHandshaking ?? false,
                    at: link.endpoint))
        }
    }
}

extension RedisSubscription: RedisLinkDelegate {
    func linkOpened() {
        receivedSinceLastPing = false
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
        receivedSinceLastPing = true
        if let text = reply.errorText {
            if text.hasPrefix("MOVED ") { return link.redirect(text) }
            link.drop(RedisFault.explain(text, at: link.endpoint))
            return
        }
        // ["subscribe", channel, 1], ["message", channel, bytes], ["pong", ""]; the reply to AUTH is a status.
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
