import EventLoop
import WorkerCore

/// The server's part of a WebSocket handshake (RFC 6455 section 4.2.2).
enum WebSocketAnswer {
    private static let suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// The answer to a client's head, which a gateway has checked to be a WebSocket handshake.
    static func opening(to head: SidecarHead, fields: KeyValuePairs<String, String>) -> String {
        let key = head.value("sec-websocket-key") ?? ""
        let more = fields.map { "\($0.key): \($0.value)\r\n" }.joined()
        return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Accept: \(Crypto.base64(Crypto.sha1(Array((key + suffix).utf8))))\r\n\(more)\r\n"
    }
}
