import EventLoop

/// Explains errors of Redis to the operator, and says what to do next.
enum RedisFault {
    /// Replies of a Redis that cannot serve us now, whatever is asked: this connection is as good as lost. The last two
    /// are a cluster's while it moves the keys to another node one by one: what a script needs is in two places.
    static func elsewhere(_ reply: RedisReply, at endpoint: RedisEndpoint) -> String? {
        guard case .error(let text) = reply else { return nil }
        if reply.isError("READONLY") || reply.isError("MASTERDOWN") {
            return "Redis at \(endpoint) is a replica: give the primary's address (Sentinel is not supported)"
        }
        let codes = ["LOADING", "CLUSTERDOWN", "MOVED", "BUSY", "TRYAGAIN", "ASK"]
        return codes.contains { reply.isError($0) } || text.contains("access a non local key") ? text : nil
    }

    /// Says what a refused log-in needs.
    static func explain(_ text: String, at endpoint: RedisEndpoint) -> String {
        if text.hasPrefix("NOAUTH") {
            return "Redis wants a password: put it into the URL, redis://:password@host (\(text))"
        }
        if text.hasPrefix("WRONGPASS") { return "Redis refused the user or password of the URL (\(text))" }
        if text.contains("without any password") {
            return "Redis has no password set, but the URL brings one (\(text))"
        }
        if text.hasPrefix("NOPERM") {
            return "Redis gives its user too few rights: docs/operate/running.md has the line (\(text))"
        }
        if text.contains("unknown command") {
            return "Redis at \(endpoint) lacks a command that Berth needs. A Sentinel lacks it: give the primary's "
                + "address, Sentinel is not supported (\(text))"
        }
        return "Redis refused the log-in or a script: \(text)"
    }

    /// The connection ended before Redis said anything.
    static func unheard(_ reason: String, at endpoint: RedisEndpoint) -> String {
        guard case .host = endpoint.place else { return reason }
        return "\(reason) before a first answer at \(endpoint). A port for TLS does that: berth speaks no TLS, give "
            + "it a plain port or a TLS tunnel"
    }

    /// The first bytes of an answer are no reply.
    static func garbled(_ reason: String, first: UInt8?, at endpoint: RedisEndpoint) -> String {
        let alert: UInt8 = 0x15
        guard first == alert else { return "not the Redis protocol: \(reason)" }
        return "Redis at \(endpoint) speaks TLS, and berth does not: give it a plain port or a TLS tunnel"
    }
}
