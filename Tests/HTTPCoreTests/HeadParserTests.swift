import Testing

@testable import HTTPCore

/// Each class of request smuggling and of plain garbage, with the status that it must get.
let badHeads: [(name: String, head: String, status: Int)] = {
    func with(_ lines: String...) -> String {
        "GET / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
    }
    func post(_ lines: String...) -> String {
        "POST / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
    }
    return [
        ("CL.TE", post("Content-Length: 6", "Transfer-Encoding: chunked"), 400),
        ("TE.CL", post("Transfer-Encoding: chunked", "Content-Length: 6"), 400),
        ("TE alone", post("Transfer-Encoding: chunked"), 411),
        ("TE twice", post("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), 411),
        ("TE obfuscated", post("Transfer-Encoding : chunked"), 400),
        ("chunked GET", with("Transfer-Encoding: chunked"), 400),
        ("odd TE on GET", with("Transfer-Encoding: xchunked"), 400),
        ("doubled CL", post("Content-Length: 6", "Content-Length: 6"), 400),
        ("differing CL", post("Content-Length: 6", "Content-Length: 7"), 400),
        ("listed CL", post("Content-Length: 6, 6"), 400),
        ("signed CL", post("Content-Length: +6"), 400),
        ("negative CL", post("Content-Length: -6"), 400),
        ("hex CL", post("Content-Length: 0x6"), 400),
        ("empty CL", post("Content-Length:"), 400),
        ("CL beyond 15 digits", post("Content-Length: 1000000000000000"), 400),
        ("CL with inner space", post("Content-Length: 1 0"), 400),
        ("GET with a body", with("Content-Length: 5"), 413),
        ("obs-fold", with("X-A: b", " c"), 400),
        ("obs-fold by tab", with("X-A: b", "\tc"), 400),
        ("fold before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
        ("bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
        ("bare CR ends a line", "GET / HTTP/1.1\rHost: a\r\n\r\n", 400),
        ("CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400),
        ("bare LF ends a line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
        ("bare LF ends the head", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
        ("NUL in a value", with("X: a\0b"), 400),
        ("NUL in a name", with("X\0: a"), 400),
        ("NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("DEL", with("X: a\u{7f}"), 400),
        ("escape", with("X: \u{1b}[31m"), 400),
        ("space before colon", with("X : a"), 400),
        ("tab before colon", with("X\t: a"), 400),
        ("no colon", with("X a"), 400),
        ("empty name", with(": a"), 400),
        ("name with a brace", with("X{: a"), 400),
        ("absolute form", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", 400),
        ("authority form", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 400),
        ("asterisk form", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("asterisk form with HEAD", "HEAD * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a check with a bad host", "OPTIONS / HTTP/1.0\r\nHost: a/b\r\n\r\n", 400),
        ("a check with a body", "HEAD / HTTP/1.0\r\nContent-Length: 1\r\n\r\n", 413),
        ("HTTP/1.0 on another path", "HEAD /json HTTP/1.0\r\n\r\n", 400),
        ("HTTP/0.9 check", "OPTIONS / HTTP/0.9\r\n\r\n", 400),
        ("fragment", "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("raw UTF-8 in the target", "GET /é HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("no host", "GET / HTTP/1.1\r\n\r\n", 400),
        ("two hosts", with("Host: b"), 400),
        ("empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
        ("host with user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
        ("host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        ("two upgrades", with("Upgrade: websocket", "Upgrade: h2c"), 400),
        ("two keys", with("Authorization: Bearer a", "authorization: Bearer b"), 400),
        ("HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", 400),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        ("HTTP/1.1 with a tail", "GET / HTTP/1.1 x\r\nHost: a\r\n\r\n", 400),
        ("lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", 400),
        ("no version", "GET /\r\nHost: a\r\n\r\n", 400),
        ("two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("tab as a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("space before the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("leading empty line", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("method not a word", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("long method", String(repeating: "G", count: 21) + " / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("garbage", "hello\r\n\r\n", 400),
        ("TLS", "\u{16}\u{03}\u{01}", 400),
        ("PROXY, version 1", "PROXY TCP4 192.0.2.1 192.0.2.2 5000 80\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("PROXY of nobody known", "PROXY UNKNOWN\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("PROXY, version 2", "\r\n\r\n\0\r\nQUIT\n\u{21}\u{11}\0\u{0C}", 400),
        ("half of a PROXY signature", "\r\n\r\nGET / HTTP/1.1\r\n", 400),
        ("CR before all", "\rGET / HTTP/1.1\r\n", 400),
        ("101 fields", with(((1...100).map { "X-\($0): a" }.joined(separator: "\r\n"))), 431),
        ("100 KiB", with("X: " + String(repeating: "a", count: 100 * 1_024)), 431),
    ]
}()

let goodHeads = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a/b%20c?x=y&z HTTP/1.1\r\nhOST: a.example:80\r\nX-Empty:\r\nX-Space: \t a b \t\r\n\r\n",
    "GET /? HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 0\r\n\r\n",
    "POST /v1 HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX-Name: caf\u{e9}\r\n\r\n",
    handshake,
    "OPTIONS / HTTP/1.0\r\n\r\n", "HEAD / HTTP/1.0\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD / HTTP/1.1\r\n\r\n",
]

@Suite struct HeadParserTests {
    @Test(arguments: badHeads.indices)
    func refuses(_ index: Int) {
        let (name, text, status) = badHeads[index]
        guard case .refused(let fault) = parse(text) else {
            Issue.record("\(name) was not refused")
            return
        }
        #expect(fault.status == status, "\(name): \(fault.message)")
    }

    @Test(arguments: badHeads.indices)
    func refusesInTheSameWordsHoweverSplit(_ index: Int) {
        expectSameVerdict(badHeads[index].head, at: badHeads[index].head.utf8.count > 2_000 ? 997 : 1)
    }

    @Test(arguments: goodHeads)
    func readsTheSameHoweverSplit(_ text: String) {
        guard case .head(_, leftover: 0) = parse(text) else {
            Issue.record("not read: \(text)")
            return
        }
        expectSameVerdict(text, at: 1)
    }

    private func expectSameVerdict(_ text: String, at step: Int) {
        let bytes = Array(text.utf8)
        let whole = parse(text)
        for split in stride(from: 1, to: bytes.count, by: step) {
            var parser = HeadParser()
            var verdict = parser.feed(bytes[..<split])
            if verdict == .needMore { verdict = parser.feed(bytes[split...]) }
            #expect(verdict == whole, "split at \(split)")
        }
        var parser = HeadParser()
        var verdict = HeadParser.Step.needMore
        for byte in bytes where verdict == .needMore { verdict = parser.feed(CollectionOfOne(byte)) }
        #expect(verdict == whole, "byte by byte")
    }

    @Test func everyPrefixOfAGoodHeadNeedsMore() {
        let bytes = Array(handshake.utf8)
        for count in 0..<bytes.count {
            var parser = HeadParser()
            #expect(parser.feed(bytes[..<count]) == .needMore)
        }
    }

    @Test func tellsItsParts() throws {
        let head = try head(goodHeads[1])
        #expect(head.method == "GET")
        #expect(head.path == "/a/b%20c")
        #expect(head.query == "x=y&z")
        #expect(head.value("host") == "a.example:80")
        #expect(head.value("x-empty") == "")
        #expect(head.value("x-space") == "a b")
        #expect(head.value("x-none") == nil)
        #expect(try HTTPCoreTests.head(goodHeads[2]).query == "")
        #expect(try HTTPCoreTests.head(goodHeads[0]).query == nil)
    }

    @Test func readsListsOverAllFields() throws {
        let head = try head("GET / HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive,, \r\nConnection: Upgrade\r\n\r\n")
        #expect(head.list("connection") == ["keep-alive", "upgrade"])
    }

    /// Balancers that speak another protocol are told what to change at them.
    @Test(arguments: [
        ("\u{16}\u{03}\u{01}\u{02}\0", "TLS"), ("PROXY TCP6 ::1 ::1 1 2\r\n", "PROXY protocol"),
        ("PROXY UNKNOWN\r\n", "PROXY protocol"), ("\r\n\r\n\0\r\nQUIT\n", "PROXY protocol"),
        ("GET / HTTP/1.0\r\n", "proxy_http_version 1.1"),
    ])
    func namesWhatABalancerSpeaksInstead(_ text: String, _ words: String) {
        guard case .refused(let fault) = parse(text) else {
            Issue.record("not refused")
            return
        }
        #expect(fault.message.contains(words))
        #expect(fault.message.contains("front"))
    }

    @Test func countsWhatStandsBehindTheHead() {
        guard case .head(_, let leftover) = parse(goodHeads[0] + "GET") else {
            Issue.record("not read")
            return
        }
        #expect(leftover == 3)
        guard case .head(_, let far) = parse(goodHeads[0] + String(repeating: "x", count: 100_000)) else {
            Issue.record("not read")
            return
        }
        #expect(far == 100_000)
    }

    @Test func takesAHeadOfExactlyItsLimitAndOfAllItsFields() {
        let frame = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".utf8.count
        func sized(_ count: Int) -> String {
            "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: count - frame))\r\n\r\n"
        }
        guard case .head = parse(sized(HeadParser.bytesMax)) else {
            Issue.record("16 KiB refused")
            return
        }
        guard case .refused(let fault) = parse(sized(HeadParser.bytesMax + 1)) else {
            Issue.record("16 KiB and a byte taken")
            return
        }
        #expect(fault.kind == .headTooLarge)
        let fields = (1..<HeadParser.fieldsMax).map { "X-\($0): a\r\n" }.joined()
        guard case .head = parse("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n") else {
            Issue.record("100 fields refused")
            return
        }
    }
}
