import HTTPCore

/// The part of a client's head that is forwarded. A parked connection keeps nothing else, at its exact size.
///
/// Fields with credentials are removed, and fields by which a client could claim to be another one. The connection
/// fields are written anew. The gateway adds the session's id when it dials, and the worker adds Host and the sidecar's
/// path.
public struct ForwardedHead: Hashable, Sendable {
    private let bytes: [UInt8]

    /// A borrower's: nothing is forwarded before its client attaches.
    package static let none = ForwardedHead(bytes: [])

    /// For a worker whose client holds a lease by a response: the gateway itself is the WebSocket client. The key is any 16
    /// bytes (RFC 6455 section 4.1), because the gateway trusts the worker's proof and not its answer to the key.
    static let ofHolder = ForwardedHead(
        bytes: Array(
            ("GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n").utf8))

    private init(bytes: [UInt8]) { self.bytes = bytes }

    /// - Parameters:
    ///   - target: path and query for the worker.
    ///   - peer: the client's address without its port.
    ///   - run: printable characters without spaces; empty for none.
    init(
        _ head: RequestHead, target: String, peer: String, run: String = "", wantsProtocolLog: Bool = false,
        parks: Bool = false
    ) {
        let nominated = head.list("connection")
        var out: [UInt8] = []
        out.reserveCapacity(head.bytes.count + 128)
        out += "GET \(target) HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n".utf8
        // The client of a 101 that is sent before agrees on nothing that a sidecar could choose.
        let taken = nominated + (parks ? ["sec-websocket-extensions", "sec-websocket-protocol"] : [])
        for field in head.fields where goesOn(head.bytes[field.name], nominated: taken) {
            out += head.bytes[field.name]
            out += ": ".utf8
            out += head.bytes[field.value]
            out += "\r\n".utf8
        }
        out += "x-forwarded-for: \(headerText(peer))\r\n".utf8
        // For the worker's protocol log.
        if !run.isEmpty { out += "x-berth-run: \(run)\r\n".utf8 }
        if wantsProtocolLog { out += "x-berth-log: protocol\r\n".utf8 }
        bytes = Array(unsafeUninitializedCapacity: out.count) { buffer, count in
            count = out.withUnsafeBufferPointer { buffer.initialize(fromContentsOf: $0) }
        }
    }

    /// The head as the worker gets it.
    public func composed(session: String) -> [UInt8] {
        bytes + "x-berth-session: \(session)\r\n\r\n".utf8
    }
}

/// Compares in lower case, with `-` for `_`, because some servers read names so.
private func goesOn(_ name: ArraySlice<UInt8>, nominated: [String]) -> Bool {
    let plain = String(unsafeUninitializedCapacity: name.count) { buffer in
        for (index, byte) in name.enumerated() { buffer[index] = byte == 0x5F ? 0x2D : lowercase(byte) }
        return name.count
    }
    return !nominated.contains(plain) && !neverForwarded.contains(plain) && !plain.hasPrefix("x-berth-")
        && !plain.hasPrefix("x-forwarded-")
}

private let neverForwarded: Set<String> = [
    // Fields of this connection alone.
    "connection", "upgrade", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
    "content-length", "expect", "http2-settings",
    // Credentials, and fields that only the gateway reads.
    "authorization", "proxy-authorization", "cookie", "origin", "x-run-id",
    // Berth sets these.
    "host", "forwarded", "x-real-ip",
    // Some sidecars execute what is in it.
    "x-playwright-launch-options",
]
