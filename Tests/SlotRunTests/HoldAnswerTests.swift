import Testing

@testable import SlotRun

@Suite struct HoldAnswerTests {
    private func answers(_ text: String, cut: Int? = nil) -> [HoldAnswer] {
        var reader = HoldReader()
        let bytes = Array(text.utf8)
        let cut = cut ?? bytes.count
        return reader.read(bytes[..<cut]) + reader.read(bytes[cut...]) + [reader.end()].compactMap { $0 }
    }

    private let held = "HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n{\"id\":\"a.1\",\"lease\":\"board-1\"}\n"

    @Test func linesAreReadHoweverTheyArrive() {
        let text = held + "\n\n{\"id\":\"a.1\",\"ended\":\"drained\"}\n"
        let expected: [HoldAnswer] = [.held(HeldSlotLine(session: "a.1", lease: "board-1")), .ended("drained")]
        for cut in 0...text.utf8.count { #expect(answers(text, cut: cut) == expected, "\(cut)") }
    }

    @Test func aRefusalHasTheGatewaysWords() {
        let body =
            #"{"error":{"code":"wait_timeout","message":"No slot in 1 s","reason":"capacity","retryAfterSeconds":9}}"#
        let text = "HTTP/1.1 503 Service Unavailable\r\n\r\n\(body)"
        for cut in 0...text.utf8.count {
            guard case .refused(let refusal)? = answers(text, cut: cut).first else {
                Issue.record("\(cut)")
                continue
            }
            #expect(refusal.code == "wait_timeout" && refusal.words == "No slot in 1 s" && !refusal.isTemporary)
        }
    }

    @Test(arguments: [(502, true), (503, true), (504, true), (404, false), (401, false)])
    func anAnswerOfAProxyIsNotOfAGateway(_ status: Int, _ isTemporary: Bool) {
        guard case .refused(let refusal)? = answers("HTTP/1.1 \(status) X\r\n\r\n<html>").first else {
            Issue.record("it is a refusal")
            return
        }
        #expect(refusal.words == "the answer was HTTP \(status), and not of a gateway")
        #expect(refusal.code.isEmpty && refusal.isTemporary == isTemporary)
    }

    @Test(arguments: [
        ("\u{15}\u{3}\r\n\r\n", "for TLS write https://"), ("HTTP/1.1 201 Created\r\n\r\n{}\n", "update it"),
        ("HTTP/1.1 201 Created\r\n\r\nhello\n", "is not JSON"),
        (String(repeating: "a", count: HoldReader.answerPartBytesMax + 1), "too long"),
    ])
    func anythingElseIsUnreadable(_ text: String, _ words: String) {
        guard case .unreadable(let said)? = answers(text).first else {
            Issue.record("it is unreadable")
            return
        }
        #expect(said.contains(words))
    }

    @Test func aRequestHasItsOptions() {
        let request = HoldRequest(
            address: GatewayAddress("http://gw:1"), token: "k\r\nx: y", label: "a\"b", run: "ci", ttlMilliseconds: 9,
            priorityMilliseconds: nil)
        let text = String(decoding: request.hold(alias: "me", waitMilliseconds: 5), as: UTF8.self)
        let body = #"{"hold":true,"waiter":"me","wait":"5ms","label":"a\"b","run":"ci","ttl":"9ms"}"#
        #expect(text.hasSuffix("Content-Length: \(body.utf8.count)\r\nAuthorization: Bearer k??x: y\r\n\r\n\(body)"))
        #expect(request.url(ofSession: "a.1") == "http://gw:1/v1/sessions/a.1")
    }

    @Test(arguments: [
        ("gw:9", "gw:9", false, false), ("http://gw", "gw:80", false, false), ("WSS://gw/x?y", "gw:443", true, false),
        ("https://k@[::1]:7/", "[::1]:7", true, true), ("http://k:p@[::1]", "[::1]:80", false, true),
        ("ws://@gw", "gw:80", false, false),
    ])
    func anAddressIsWrittenInManyWays(_ text: String, _ authority: String, _ isEncrypted: Bool, _ hasKey: Bool) {
        let address = GatewayAddress(text)
        #expect((address.authority, address.isEncrypted, address.hasKey) == (authority, isEncrypted, hasKey))
    }

    @Test func theWaitIsToldInWords() {
        let body = #"""
            {"id":"a","state":"queued","session":null,"ahead":3,"aheadOfTenant":1,"oldestSeconds":9.000,
            "waitedSeconds":61.500,"reason":"capacity","estimatedSeconds":3700.000}
            """#
        #expect(
            WaitingLine(label: "boards", body: Array(body.utf8))?.words
                == "waiting for boards: 3 ahead, all slots taken, about 1 h 1 min more, waited 1 min 1 s")
        let unknown = body.replacing("3700.000", with: "null").replacing("\"capacity\"", with: "null")
        #expect(WaitingLine(label: "", body: Array(unknown.utf8)) == nil, "it does not wait any more")
    }
}
