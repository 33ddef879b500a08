import EventLoop

/// Explains errors of Redis to the operator, and says what to do next.
enum RedisFault {
    /// If the reply means that this Redis can serve no command now, returns its text, else nil. The caller drops the
    /// connection. A cluster replies TRYAGAIN or ASK while it moves keys one by one to another node, because a script's
    /// keys are then on two nodes.
    static func elsewhere(_ reply: RedisReply, at endpoint: RedisEndpoint) -> String? {
        guard case .error(let text) = reply else { return nil }
        if reply.isError("READONLY") || reply.isError("MASTERDOWN") {
            return
                "Redis at \(endpoint) is a replica: give the primary's address, or its sentinels by redis+sentinel://"
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
                + "address, or write redis+sentinel:// (\(text))"
        }
        return "Redis refused the log-in or a script: \(text)"
    }

    /// The connection ended before Redis sent anything.
    static func unheard(_ reason: String, isHandshaking: Bool, at endpoint: RedisEndpoint) -> String {
        guard case .host = endpoint.place else { return reason }
        let cause =
            if isHandshaking {
                "A port without TLS does that: write redis:// in the URL, or give the port for TLS"
            } else if endpoint.isEncrypted {
                "A Redis that asks for a certificate of its clients does that, and berth has none. Set tls-auth-clients no "
                    + "at Redis"
            } else {
                "A port for TLS does that: write rediss:// in the URL"
            }
        return "\(reason) before a first answer at \(endpoint). \(cause)"
    }

    /// Redis sent nothing for too long.
    static func silent(milliseconds: UInt64, isHandshaking: Bool, at endpoint: RedisEndpoint) -> String {
        let words = "Redis did not answer for \(milliseconds) ms"
        guard isHandshaking else { return words }
        return
            "\(words), and \(endpoint) has not begun TLS: a port without TLS does that. Write redis:// in the URL, or "
            + "give the port for TLS"
    }

    /// TLS failed.
    /// - Parameter words: of `TLSFailure`.
    static func encryption(_ words: String, at endpoint: RedisEndpoint) -> String {
        var advice = ""
        if words.contains("another name") {
            advice = ": write the name of its certificate as the host of the URL"
        } else if words.contains("not trusted here") {
            advice = ": name the file with the certificate of that authority in redis.ca"
        } else if words.contains("wrong version number") || words.contains("packet length too long") {
            advice = ": this port speaks no TLS. Write redis:// in the URL, or give the port for TLS"
        } else if words.contains("certificate required") || words.contains("alert handshake failure") {
            advice =
                ": Redis asks for a certificate of its clients, and berth has none. Set tls-auth-clients no at Redis"
        }
        return "\(endpoint): \(words)\(advice)"
    }

    /// The first bytes received are not a Redis reply.
    static func garbled(_ reason: String, first: UInt8?, at endpoint: RedisEndpoint) -> String {
        let alert: UInt8 = 0x15
        guard first == alert else { return "not the Redis protocol: \(reason)" }
        return "Redis at \(endpoint) speaks TLS: write rediss:// in the URL"
    }
}
