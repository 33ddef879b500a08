import EventLoop

/// The part of a WebSocket handshake (RFC 6455 §4.2) that an echo server needs.
enum Handshake {
    static let headMax = 64 * 1_024

    /// The answer to a whole head; `opens` is true for a 101.
    ///
    /// If the query has `status=500`, the answer has that status. Tests use it for sidecars that refuse.
    static func answer(to head: String) -> (text: String, opens: Bool) {
        let lines = head.split(separator: "\r\n")
        let target = lines.first?.split(separator: " ").dropFirst().first ?? ""
        if let asked = target.firstRange(of: "status="), let status = Int(target[asked.upperBound...].prefix(3)) {
            return ("HTTP/1.1 \(status) As asked\r\nContent-Length: 9\r\nConnection: close\r\n\r\nas asked\n", false)
        }
        guard let key = value(of: "sec-websocket-key", in: lines) else {
            return (
                "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                false
            )
        }
        let proof = Crypto.base64(Crypto.sha1(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
        return (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: \(proof)\r\n\r\n", true
        )
    }

    private static func value(of name: String, in lines: [Substring]) -> String? {
        for line in lines {
            guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == name else { continue }
            return String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        return nil
    }
}
