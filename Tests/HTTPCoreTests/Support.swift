@testable import HTTPCore

/// Feeds a text in one piece.
func parse(_ text: String) -> HeadParser.Step {
    var parser = HeadParser()
    return parser.feed(Array(text.utf8))
}

func head(_ text: String) throws -> RequestHead {
    switch parse(text) {
    case .head(let head, _): return head
    case .refused(let fault): throw fault
    case .needMore: throw Incomplete()
    }
}

struct Incomplete: Error {}

/// A WebSocket handshake with a query.
let handshake =
    "GET /?token=a HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: Playwright/1.65.1\r\nUpgrade: websocket\r\n"
    + "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
