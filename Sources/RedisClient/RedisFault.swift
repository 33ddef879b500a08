import EventLoop

/// Explains errors of Redis to the operator, and says what to do next.
enum RedisFault {
    /// If the reply means that this Redis can serve no command now, returns its text, else nil. The caller drops the
    /// connection. A cluster replies TRYAGAIN or ASK while it moves keys one by one to another node, because a script's
    /// keys are then on two nodes.
    static func elsewhere(_ reply: RedisReply, at endpoint: RedisEndpoint) -> String? {
        guard case .error(let text) = reply else { return nil }
        if reply.isError("READONLY") || reply.isError("MASTERDOWN") {
            return "Redis at \(endpoint) is a replica: give the primary's address (Sentinel is not supported)"
        }
        let codes = ["LOADING", "CLUSTERDOWN", "MOVED", "BUSY", "TRYAGAIN", "ASK"]
        return codes.contains { reply.isError($0) } || text.contains("access a non local key") ? text : nil
    }

    /// Explains a refused login or script, and says what to do.
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

    /// The connection ended before Redis sent anything.
    static func unheard(_ reason: String, at endpoint: RedisEndpoint) -> String {
        guard case .host = endpoint.place else { return reason }
        return "\(reason) before a first answer at \(endpoint). A port for TLS does that: berth speaks no TLS, give "
            + "it a plain port or a TLS tunnel"
    }

    /// The first bytes received are not a Redis reply.
    static func garbled(_ reason: String, first: UInt8?, at endpoint: RedisEndpoint) -> String {
        let alert: UInt8 = 0x15
        guard first == alert else { return "not the Redis protocol: \(reason)" }
        return "Redis at \(endpoint) speaks TLS, and berth does not: give it a plain port or a TLS tunnel"
    }
}
