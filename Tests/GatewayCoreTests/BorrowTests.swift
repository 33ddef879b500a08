import HTTPCore
import QueueCore
import Testing

@testable import GatewayCore

/// Requests about sessions, judged as the driver judges them.
@Suite struct BorrowTests {
    private let lease = "00000000000000010000000000000002.3"

    private func admit(
        _ method: String, _ target: String, body: String = "", _ lines: [String] = [], hasTicket: Bool = false
    ) throws -> Admission.Admitted {
        let text =
            ([
                "\(method) \(target) HTTP/1.1", "Host: localhost:8080", "Content-Length: \(body.utf8.count)",
            ] + lines).map { $0 + "\r\n" }.joined() + "\r\n"
        let admission = Admission(tenancy: openTenancy, defaultBrowser: "chromium")
        let request = RequestReader.Request(head: try head(text), body: Array(body.utf8))
        guard case .visit(let visit) = try admission.read(request) else { throw Incomplete() }
        return try admission.admit(visit, keyHash: nil, peer: "192.0.2.7", hasTicket: hasTicket)
    }

    private func borrow(_ body: String, _ target: String = "/v1/sessions") throws -> WaitRequest {
        guard case .wait(let request) = try admit("POST", target, body: body) else { throw Incomplete() }
        return request
    }

    @Test func aBodyHasTheOptionsOfARequest() throws {
        let request = try borrow(
            """
            {"label":"A:b","browser":"chromium","protocol":"playwright","version":"1.65","wait":"9s","ttl":600.0,
             "idle":"30s","keep":"1m","run":"ci-1","waiter":"me","log":null}
            """)
        #expect(request.purpose == .borrow && request.head == .none)
        #expect(request.selector.description == "A:b|chromium|1.65|playwright")
        #expect(request.waitMilliseconds == 9_000 && request.keepSeconds == 60)
        #expect(request.bounds.ttlMilliseconds == 600_000 && request.run == "ci-1" && request.alias == "me")
        let address = try #require(request.borrowAddress)
        #expect(
            address.url(ofSession: lease, ticket: "t")
                == "ws://localhost:8080/sessions/\(lease)?ticket=t&ttl=600000ms&idle=30000ms")
    }

    @Test func withoutABodyAnySlotFits() throws {
        let request = try borrow("")
        #expect(request.selector.description == "|||" && request.waitMilliseconds == 120_000)
        #expect(try borrow("{}", "/v1/sessions?label=A").selector.pattern == "A")
    }

    @Test func holdAsksForASlotOfALease() throws {
        let request = try borrow(#"{"label":"boards","hold":true,"ttl":"1h"}"#)
        #expect(request.purpose == .hold && request.borrowAddress == nil)
        #expect(request.selector.description == "boards|||lease" && request.bounds.ttlMilliseconds == 3_600_000)
        let head = String(decoding: request.head.composed(session: lease), as: UTF8.self)
        #expect(head.hasPrefix("GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"))
        #expect(head.hasSuffix("x-berth-session: \(lease)\r\n\r\n"))
        #expect(try borrow(#"{"hold":true,"protocol":"lease"}"#).selector.slotProtocol == .lease)
        #expect(try borrow(#"{"hold":false}"#).purpose == .borrow)
    }

    @Test(arguments: [
        (#"{"hold":1}"#, "hold takes true or false"), (#"{"hold":"yes"}"#, "hold takes true or false"),
        (#"{"hold":true,"keep":9}"#, "exclude each other"),
        (#"{"hold":true,"protocol":"cdp"}"#, "leave protocol out"), (#"{"token":"x"}"#, "no field token"),
        (#"{"wait":true}"#, "a text or a number"),
        (#"{"protocol":"x"}"#, "playwright, cdp, bidi, raw, lease"), ("[]", "not a JSON object"),
        (#"{"label":"|"}"#, "A label is"),
        (#"{"version":"|"}"#, "A label is"),
    ])
    func refusesABody(_ body: String, _ words: String) {
        #expect { try borrow(body) } throws: { ($0 as? Refusal)?.message.contains(words) == true }
    }

    @Test func anOptionIsGivenOnce() {
        #expect(throws: Refusal.badRequest("The option wait is given twice")) {
            try borrow(#"{"wait":1}"#, "/v1/sessions?wait=2")
        }
        #expect(throws: Refusal.self) { try borrow("", "/v1/sessions?colour=red") }
    }

    @Test func readsEachCall() throws {
        let id = try #require(LeaseID(lease))
        let calls: [(String, String, APICall)] = [
            ("GET", "/v1/sessions?run=a", .listSessions(run: "a")), ("GET", "/v1/sessions/\(lease)", .showSession(id)),
            ("DELETE", "/v1/sessions/\(lease)", .endSession(id)), ("GET", "/v1/waiters/me", .showWaiter(name: "me")),
            ("DELETE", "/v1/waiters/me", .endWaiter(name: "me")), ("DELETE", "/v1/runs/a%20", .endRun("a ")),
            ("DELETE", "/v1/runs/a%2Fb", .endRun("a/b")),
            ("GET", "/v1/usage", .usage(days: QueueLimits.usageDays)), ("GET", "/v1/usage?days=7", .usage(days: 7)),
            ("GET", "/v1/estimate?label=A&browser=b", .estimate(Selector(pattern: "A", browser: "b")!)),
        ]
        for (method, target, call) in calls where target != "/v1/runs/a%20" {
            guard case .call(call, tenant: "default") = try admit(method, target) else {
                Issue.record("\(method) \(target)")
                continue
            }
        }
        #expect(throws: Refusal.self, "a run has no blanks") { try admit("DELETE", "/v1/runs/a%20") }
    }

    /// A ticket replaces the key, and names no tenant.
    @Test func aTicketAttaches() throws {
        let handshake = [
            "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
        ]
        let target = "/sessions/\(lease)?ticket=t&ttl=5s&x=y"
        guard case .attach(let request) = try admit("GET", target, handshake, hasTicket: true) else {
            throw Incomplete()
        }
        #expect(request.lease.description == lease && request.tenant == "" && request.bounds.ttlMilliseconds == 5_000)
        #expect(
            String(decoding: request.head.composed(session: "s"), as: UTF8.self).hasPrefix("GET /?x=y HTTP/1.1\r\n"))
        #expect { try admit("GET", target, handshake) } throws: { ($0 as? Refusal)?.code == .forbidden }
        guard case .attach(let own) = try admit("GET", "/sessions/\(lease)", handshake) else { throw Incomplete() }
        #expect(own.tenant == "default")
        #expect { try admit("GET", "/sessions/x?ticket=t", handshake) } throws: { ($0 as? Refusal)?.code == .notFound }
        #expect { try admit("GET", target) } throws: { ($0 as? Refusal)?.code == .upgradeRequired }
    }
}
