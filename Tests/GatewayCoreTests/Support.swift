import HTTPCore
import QueueCore
import Testing

@testable import GatewayCore

/// Feeds a text in one piece.
func parse(_ text: String) -> HeadParser.Step {
    var parser = HeadParser()
    return parser.feed(Array(text.utf8))
}

/// A WebSocket handshake with more header lines, each without its CRLF.
func handshake(_ target: String = "/", host: String = "127.0.0.1:8080", _ lines: [String] = []) -> String {
    (["GET \(target) HTTP/1.1"] + lines + [
        "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13", "Host: \(host)",
    ]).map { $0 + "\r\n" }.joined() + "\r\n"
}

let playwrightAgent = "User-Agent: Playwright/1.65.1 (x64; debian 12) python/3.11"

func playwright(_ target: String = "/", _ lines: [String] = []) -> String {
    handshake(target, [playwrightAgent, "x-playwright-browser: chromium"] + lines)
}

func head(_ text: String) throws -> RequestHead {
    switch parse(text) {
    case .head(let head, _): return head
    case .refused(let fault): throw Refusal(fault)
    case .needMore: throw Incomplete()
    }
}

struct Incomplete: Error {}

let openTenancy = Tenancy(tenants: [])

/// Judges a whole request as the driver does; keys are "hashed" by putting `hash-` before them.
func admit(
    _ text: String, _ tenancy: Tenancy = openTenancy, peer: String = "192.0.2.7"
) throws -> WaitRequest {
    let admission = Admission(tenancy: tenancy, defaultBrowser: "chromium")
    var head = try head(text)
    let sender = tenancy.trustedProxies.sender(of: head, peer: peer)
    head.isHTTPS = sender.isEncrypted
    guard case .visit(let visit) = try admission.read(RequestReader.Request(head: head)) else {
        throw Incomplete()
    }
    let hash = visit.credential.map { "hash-" + String(decoding: $0, as: UTF8.self) }
    guard case .wait(let request) = try admission.admit(visit, keyHash: hash, peer: sender.address) else {
        throw Incomplete()
    }
    return request
}

/// The refusal of a request; `nil` where it is let in.
func refusal(_ text: String, _ tenancy: Tenancy = openTenancy) -> Refusal? {
    do {
        _ = try admit(text, tenancy)
        return nil
    } catch {
        return error as? Refusal
    }
}

func limits(cap: Int = 5, waitMax: Int = 300_000, priorityMax: Int = 0) -> TenantLimits {
    TenantLimits(cap: cap, queueMax: 10, waitMaxMilliseconds: waitMax, priorityMaxSeconds: priorityMax, weight: 1)
}

/// As `#expect`, for calls that change what they are made on.
func expect(_ holds: Bool, _ words: Comment? = nil, at location: SourceLocation = #_sourceLocation) {
    #expect(holds, words, sourceLocation: location)
}
