import EventLoop
import Testing

@testable import RedisClient

@Suite struct RedisFormatTests {
    private func replies(_ pieces: [[UInt8]]) throws -> [RedisReply] {
        let reader = RedisReader()
        var replies: [RedisReply] = []
        for piece in pieces {
            piece.withUnsafeBytes { reader.feed($0) }
            while let reply = try reader.next() { replies.append(reply) }
        }
        return replies
    }

    @Test func everySplitGivesTheSameReplies() throws {
        let simple = "+OK\r\n:-42\r\n$-1\r\n*-1\r\n$5\r\na\r\nb\0\r\n-OOM full\r\n:99999999999\r\n"
        let bytes = Array((simple + "*3\r\n*1\r\n:1\r\n$0\r\n\r\n*0\r\n").utf8)
        let expected: [RedisReply] = [
            .status("OK"), .integer(-42), .null, .null, .bulk([97, 13, 10, 98, 0]), .error("OOM full"),
            .integer(99_999_999_999), .array([.array([.integer(1)]), .bulk([]), .array([])]),
        ]
        #expect(try replies([bytes]) == expected)
        for cut in 1..<bytes.count {
            #expect(try replies([Array(bytes[..<cut]), Array(bytes[cut...])]) == expected)
        }
        #expect(try replies(bytes.map { [$0] }) == expected)
    }

    @Test func garbageIsAnError() {
        #expect(throws: RedisReader.ProtocolError.self) { try replies([Array("garbage\r\n".utf8)]) }
    }

    /// What comes beyond a bound is refused before it is kept; at the bound it is read.
    @Test func repliesAreBounded() throws {
        let (parts, line, all) = (RedisReader.replyElementsMax, RedisReader.replyLineMax, RedisReader.replyBytesMax)
        func isRefused(_ pieces: [UInt8]...) -> Bool {
            do { _ = try replies(pieces) } catch { return true }
            return false
        }
        func head(_ text: String) -> [UInt8] { Array((text + "\r\n").utf8) }
        #expect(!isRefused(head("*\(parts)")))
        #expect(isRefused(head("*\(parts + 1)")))
        #expect(isRefused(head("*2147483647")))
        #expect(isRefused(head("*2"), head("*\(parts - 2)")) == false)
        #expect(isRefused(head("*2"), head("*\(parts - 1)")))
        #expect(!isRefused(head("$\(all)")))
        #expect(isRefused(head("$\(all + 1)")))
        for mark in ["+", "-", ":", "$", "*"] {
            let long = Array(mark.utf8) + Array(repeating: UInt8(ascii: "1"), count: line)
            #expect(!isRefused(long))
            #expect(isRefused(long + [UInt8(ascii: "1")]), "\(mark)")
        }
        #expect(isRefused(Array(String(repeating: "*1\r\n", count: 10).utf8)), "arrays in arrays")
        // Each part is short enough, the whole is not.
        let half = Array(repeating: UInt8(ascii: "x"), count: all / 2)
        #expect(isRefused(head("*3"), head("$\(half.count)"), half, head(""), head("$\(half.count)"), half, head("")))
    }

    @Test func boundsAreOfOneReplyAndNotOfAConnection() throws {
        let reader = RedisReader()
        let part = Array("*2\r\n:1\r\n$3\r\nabc\r\n".utf8)
        let many = Array(repeating: part, count: 1_000).flatMap(\.self)
        var count = 0
        for _ in 0..<100 {
            many.withUnsafeBytes { reader.feed($0) }
            while try reader.next() != nil { count += 1 }
        }
        #expect(count == 100_000)
    }

    @Test func readingsOfAReply() {
        #expect(RedisReply.bulk(Array("17".utf8)).int == 17)
        #expect(RedisReply.status("x").int == nil)
        #expect(RedisReply.integer(5).int == 5 && RedisReply.integer(5).text == nil)
        #expect(RedisReply.array([.null]).elements == [.null])
        #expect(RedisReply.error("NOSCRIPT none").isError("NOSCRIPT"))
        #expect(!RedisReply.error("NOSCRIPTS none").isError("NOSCRIPT"))
        #expect(RedisReply.error("OOM").isError("OOM"))
    }

    @Test func commandsAreArraysOfBulkStrings() {
        #expect(redisCommand("GET", "ü") == Array("*2\r\n$3\r\nGET\r\n$2\r\nü\r\n".utf8))
        #expect(redisCommand([[], [13, 10]]) == Array("*2\r\n$0\r\n\r\n$2\r\n\r\n\r\n".utf8))
    }

    @Test(arguments: [
        ("redis://localhost", "redis://localhost:6379/0"), ("redis://10.0.0.1:7000/5", "redis://10.0.0.1:7000/5"),
        ("redis://:pass@h:1/", "redis://h:1/0"), ("redis://u:p%40:x@h", "redis://h:6379/0"),
        ("redis://[::1]:6380", "redis://[::1]:6380/0"), ("redis://[::1]", "redis://[::1]:6379/0"),
        ("unix:///run/r.sock", "unix:///run/r.sock?db=0"), ("unix://:p@/run/r.sock?db=2", "unix:///run/r.sock?db=2"),
        ("REDIS://h", "redis://h:6379/0"), ("rediss://u:p@h:7/3", "rediss://h:7/3"),
        ("redis+sentinel://:p@a,[::1]:7/main", "redis+sentinel://a:26379,[::1]:7/main/0"),
        ("redis+sentinel://a:1/main/2", "redis+sentinel://a:1/main/2"),
    ]) func urls(url: String, description: String) throws {
        #expect(try RedisEndpoint(url: url).description == description)
    }

    @Test func credentialsAreDecoded() throws {
        let endpoint = try RedisEndpoint(url: "redis://u%20v:p%40:x@h")
        #expect(endpoint.user == "u v" && endpoint.password == "p@:x")
        #expect(try RedisEndpoint(url: "redis://:secret@h").user == nil)
    }

    @Test(arguments: [
        "", "localhost:6379", "http://h", "rediss://", "rediss://h?db=1", "redis+sentinel://a",
        "redis+sentinel://a/", "redis+sentinel://,a/main", "redis+sentinel://a/main/x", "redis+sentinel://:se@cret@a",
        "redis://", "redis://h:x", "redis://h:0",
        "redis://h:70000",
        "redis://h/x", "redis://h/99999", "redis://h?db=1", "redis://user@h", "redis://:%zz@h", "redis://::1:5",
        "unix://", "unix://relative", "unix:///a?x=1", "unix:///a?db=-1", "redis://:se@cret@h:x",
    ]) func wrongURLsAreExplainedWithoutThePassword(url: String) throws {
        let error = #expect(throws: RedisEndpoint.InvalidURL.self) { try RedisEndpoint(url: url) }
        #expect(error.map { !$0.description.isEmpty && !$0.description.contains("cret") } == true)
    }

    @Test func scriptIsNamedByItsDigest() {
        #expect(
            RedisScript(name: "one", source: Array("return 1".utf8)).sha1 == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")
    }
}
