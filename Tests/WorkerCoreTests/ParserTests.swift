import QueueCore
import Testing

@testable import WorkerCore

@Suite struct SidecarHeadTests {
    private let endpoint = SidecarEndpoint.reads("ws://127.0.0.1:99/secret")!
    private let head = "GET /?browser=chromium HTTP/1.1\r\nUpgrade: websocket\r\nX-A: b\r\n\r\n"

    private func rewritten(_ target: String, for line: String) -> String? {
        let bytes = Array("GET \(target) HTTP/1.1\r\nA: b\r\n\r\n".utf8)
        guard case .complete(let head) = SidecarHead.read(bytes[...]) else { return nil }
        let text = String(decoding: head.composed(for: SidecarEndpoint.reads(line)!), as: UTF8.self)
        return String(text.prefix(while: { $0 != "\r\n" }))
    }

    @Test func addsHostAndPathAndKeepsTheRest() throws {
        guard case .complete(let read) = SidecarHead.read(Array(head.utf8)[...]) else {
            Issue.record("incomplete")
            return
        }
        #expect(
            String(decoding: read.composed(for: endpoint), as: UTF8.self)
                == "GET /secret?browser=chromium HTTP/1.1\r\nHost: 127.0.0.1:99\r\nUpgrade: websocket\r\nX-A: b\r\n\r\n"
        )
    }

    @Test(arguments: [
        ("/", "ws://[::1]:9", "/"), ("/", "ws://127.0.0.1:9/", "/"), ("/", "ws://127.0.0.1:9/a", "/a"),
        ("/", "ws://127.0.0.1:9/a/", "/a"), ("/x/y", "ws://127.0.0.1:9", "/x/y"),
        ("/x", "ws://127.0.0.1:9/a/", "/a/x"), ("/?q=/1?2", "ws://127.0.0.1:9/a", "/a?q=/1?2"),
        ("/?", "ws://127.0.0.1:9", "/?"), ("/x?q", "ws://127.0.0.1:9/a", "/a/x?q"),
        ("//", "ws://127.0.0.1:9/a", "/a//"),
    ])
    func joinsPaths(target: String, line: String, path: String) {
        #expect(rewritten(target, for: line) == "GET \(path) HTTP/1.1")
    }

    @Test func aHeadSplitAtEveryByteIsIncompleteUntilItsEnd() {
        let bytes = Array(head.utf8)
        for count in 0..<bytes.count {
            #expect(SidecarHead.read(bytes[..<count]) == .incomplete)
        }
        #expect(SidecarHead.read((bytes + [0])[...]) == .invalid)
    }

    @Test(arguments: [
        "POST / HTTP/1.1\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "GET /a b HTTP/1.1\r\n\r\n",
        "GET http://x/ HTTP/1.1\r\n\r\n", "GET /#f HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nhOsT: x\r\n\r\n", "GET / HTTP/1.1\r\nA\r\n\r\n", "GET / HTTP/1.1\r\n: b\r\n\r\n",
        "GET / HTTP/1.1\r\nA : b\r\n\r\n", "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", "GET / HTTP/1.1\r\nA: b\nc\r\n\r\n",
        "GET / HTTP/1.1\r\n A: b\r\n\r\n", "GET / HTTP/1.1\r\nA: \0\r\n\r\n", "\r\n\r\n", "GET /\r\n\r\n",
        "GET / HTTP/1.1\nA: b\r\n\r\n",
    ])
    func refuses(text: String) {
        #expect(SidecarHead.read(Array(text.utf8)[...]) == .invalid)
    }

    @Test func theLongestHead() {
        let frame = "GET / HTTP/1.1\r\nA: \r\n\r\n".utf8.count
        func head(_ count: Int) -> ArraySlice<UInt8> {
            Array("GET / HTTP/1.1\r\nA: \(String(repeating: "x", count: count - frame))\r\n\r\n".utf8)[...]
        }
        guard case .complete = SidecarHead.read(head(SidecarHead.bytesMax)) else {
            Issue.record("the longest head is refused")
            return
        }
        #expect(SidecarHead.read(head(SidecarHead.bytesMax + 1)) == .invalid)
        #expect(SidecarHead.read(head(SidecarHead.bytesMax + 1).dropLast()) == .invalid)
    }
}

@Suite struct PoolConfigTests {
    @Test func labelsAndSlotsInTheOrderWritten() throws {
        let entries = try PoolConfig.parse("AppA:Chromium:Staging=2, AppB:FIREFOX:UAT=1 ,plain=1")
        #expect(entries.map(\.label.text) == ["AppA:Chromium:Staging", "AppB:FIREFOX:UAT", "plain"])
        #expect(entries.map(\.slots) == [2, 1, 1])
    }

    @Test func theSecondSegmentMayNameABrowser() throws {
        let labels = ["AppB:FIREFOX:UAT", "a:WebKit", "chromium", "a:x:chromium"].map { Label($0)! }
        #expect(labels.map(PoolConfig.browser(of:)) == ["firefox", "webkit", nil, nil])
    }

    @Test(arguments: [
        ("", "label=slots"), ("a", "label=slots"), ("a=1,", "label=slots"), ("=1", "no pool label"),
        ("a b=1", "no pool label"), ("a::b=1", "no pool label"), ("a=", "has \"\" slots"), ("a=0", "say 1 to 1024"),
        ("a=-1", "say 1"), ("a=1025", "say 1"), ("a=1x", "say 1"), ("a=99999999999999999999", "say 1"),
    ])
    func refusesInWords(text: String, words: String) {
        let failure = #expect(throws: PoolConfig.Failure.self) { try PoolConfig.parse(text) }
        #expect(failure?.description.contains(words) == true, "\(failure?.description ?? "")")
    }
}

@Suite struct CommandWordsTests {
    @Test(arguments: [
        ("a b\tc", ["a", "b", "c"]), (" a  b ", ["a", "b"]), ("a 'b c' \"d e\"", ["a", "b c", "d e"]),
        ("a\\ b", ["a b"]), ("''", [""]), ("a'b'\"c\"d", ["abcd"]), ("\"a\\\"b\\n\"", ["a\"b\\n"]),
        ("'a\\'", ["a\\"]), ("sh -c 'x | y > z'", ["sh", "-c", "x | y > z"]), ("$HOME *", ["$HOME", "*"]),
    ])
    func splits(text: String, words: [String]) {
        #expect(CommandWords.split(text) == words)
    }

    @Test(arguments: ["", "  ", "'a", "\"a", "a\\", "\"a\\"])
    func refuses(text: String) {
        #expect(CommandWords.split(text) == nil)
    }
}
