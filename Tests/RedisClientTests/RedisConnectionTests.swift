import EventLoop
import Glibc
import TestSupport
import Testing

@testable import RedisClient

@Suite struct RedisConnectionTests {
    private static let push = RedisScript(
        name: "push", source: Array("return redis.call('RPUSH', KEYS[1], ARGV[1])".utf8))

    /// A connection with its events, and what became of the commands in the order of their answers.
    private final class Client {
        let loop: Loop
        private(set) var connection: RedisConnection!
        var events: [RedisConnection.Event] = []
        var results: [Result<RedisReply, RedisError>] = []
        var lastReason: String? {
            if case .down(let reason) = events.last { return reason }
            return nil
        }

        init(
            _ loop: Loop, _ endpoint: RedisEndpoint, scripts: [RedisScript] = [push],
            limits: RedisConnection.Limits = .init()
        ) {
            self.loop = loop
            connection = RedisConnection(loop: loop, endpoint: endpoint, scripts: scripts, limits: limits) {
                [unowned self] in events.append($0)
            }
            connection.start()
        }

        func send(_ words: String...) {
            connection.send(words.map { Array($0.utf8) }) { [unowned self] in results.append($0) }
        }

        func run(_ value: Int) {
            connection.run(push, keys: [Array("list".utf8)], arguments: [Array(String(value).utf8)]) {
                [unowned self] in results.append($0)
            }
        }

        func waitUp(_ number: Int = 1) {
            loop.expect({ self.connection.isUp && self.connection.number == number }, "up \(number)")
        }

        /// Sends a command and waits for its reply.
        func ask(_ words: String...) -> RedisReply? {
            var reply: RedisReply?
            connection.send(words.map { Array($0.utf8) }) { reply = try? $0.get() }
            loop.expect({ reply != nil }, "a reply to \(words)")
            return reply
        }
    }

    private func quick() -> RedisConnection.Limits {
        var limits = RedisConnection.Limits()
        limits.silenceMilliseconds = 100
        limits.backoffMaxMilliseconds = 50
        return limits
    }

    @Test func repliesComeInTheOrderOfTheCommands() throws {
        let loop = try Loop()
        let server = try RedisServer()
        let client = Client(loop, try server.endpoint())
        client.waitUp()
        #expect(client.events == [.up(number: 1)])
        for number in 1...3000 { client.send("ECHO", String(number)) }
        #expect(client.results.isEmpty, "never from inside the call")
        loop.expect({ client.results.count == 3000 }, "all replies")
        #expect(try client.results.map { try $0.get().int } == (1...3000).map(Int64.init))
        client.connection.close()
        #expect(loop.close())
        server.end()
    }

    @Test func errorRepliesAreReplies() throws {
        let loop = try Loop()
        let server = try RedisServer()
        let client = Client(loop, try server.endpoint("?db=3"))
        client.waitUp()
        #expect(client.ask("SET", "a", "text") == .status("OK"))
        #expect(client.ask("INCR", "a")?.isError("ERR") == true)
        #expect(client.ask("GET", "none") == .null)
        #expect(client.ask("CLIENT", "INFO")?.text?.contains("db=3") == true)
        #expect(client.connection.isUp)
        client.connection.close()
        #expect(loop.close())
        server.end()
    }

    @Test func fenceKeepsTheOrderWhenScriptsAreForgotten() throws {
        let loop = try Loop()
        let server = try RedisServer()
        let client = Client(loop, try server.endpoint())
        client.waitUp()
        for value in 1...5 { client.run(value) }
        client.send("SCRIPT", "FLUSH")
        for value in 6...10 { client.run(value) }
        client.send("RPUSH", "other", "x")
        loop.expect({ client.results.contains { (try? $0.get()) == .status("OK") } }, "the flush was executed")
        // These were not sent when the first NOSCRIPT came: they must stay behind those that were.
        for value in 11...15 { client.run(value) }
        loop.expect({ client.results.count == 17 }, "all answered")
        let list = client.ask("LRANGE", "list", "0", "-1")?.elements?.compactMap(\.int)
        #expect(list == (1...15).map(Int64.init))
        #expect(client.events == [.up(number: 1)], "the connection stayed")
        client.connection.close()
        #expect(loop.close())
        server.end()
    }

    @Test func fenceHoldsAgainstFlushesFromOutside() throws {
        let loop = try Loop()
        let server = try RedisServer()
        let client = Client(loop, try server.endpoint())
        let other = Client(loop, try server.endpoint(), scripts: [])
        client.waitUp()
        other.waitUp()
        for value in 1...200 {
            client.run(value)
            if value % 20 == 0 { _ = other.ask("SCRIPT", "FLUSH") }
        }
        loop.expect({ client.results.count == 200 }, "all answered")
        #expect(client.ask("LRANGE", "list", "0", "-1")?.elements?.compactMap(\.int) == (1...200).map(Int64.init))
        client.connection.close()
        other.connection.close()
        #expect(loop.close())
        server.end()
    }

    @Test func silenceOfRedisLosesWhatIsInFlight() throws {
        let loop = try Loop()
        let server = try RedisServer()
        let client = Client(loop, try server.endpoint(), limits: quick())
        client.waitUp()
        server.pause()
        for value in 1...2 { client.run(value) }
        loop.expect({ client.results.count == 2 }, "given up")
        client.run(3)
        loop.expect({ client.results.count == 3 }, "not sent")
        let reason = "Redis did not answer for 100 ms"
        #expect(client.results == [.failure(.lost(reason)), .failure(.lost(reason)), .failure(.notSent)])
        #expect(client.events.contains(.down(reason: reason)) && !client.connection.isUp)
        server.resume()
        client.waitUp(2)
        #expect(client.ask("PING") == .status("PONG"))
        client.connection.close()
        #expect(loop.close())
        server.end()
    }

    /// Each answer comes in time after the one before; the last one comes long after its command.
    @Test func aSlowRedisIsNotAway() throws {
        let loop = try Loop()
        let fake = try FakeRedis(loop, answer: "+PONG\r\n")
        var limits = quick()
        limits.silenceMilliseconds = 300
        let client = Client(loop, try fake.endpoint(), scripts: [], limits: limits)
        client.waitUp()
        fake.answer = ""
        fake.changeMind()
        for number in 1...12 { client.send("ECHO", String(number)) }
        let answers = loop.schedule(after: 60, repeating: 60) { fake.say("+late\r\n") }
        loop.expect({ client.results.count == 12 }, "all are answered")
        answers.cancel()
        #expect(client.results.allSatisfy { $0 == .success(.status("late")) })
        #expect(client.events == [.up(number: 1)])
        client.connection.close()
        fake.close()
        #expect(loop.close())
    }

    /// So does a long answer whose bytes keep coming.
    @Test func aLongAnswerIsNotSilence() throws {
        let loop = try Loop()
        let fake = try FakeRedis(loop, answer: "+PONG\r\n")
        var limits = quick()
        limits.silenceMilliseconds = 300
        let client = Client(loop, try fake.endpoint(), scripts: [], limits: limits)
        client.waitUp()
        fake.answer = ""
        fake.changeMind()
        client.send("GET", "a")
        var bytes = Array("$12\r\nabcdefghijkl\r\n")[...]
        let answers = loop.schedule(after: 40, repeating: 40) {
            if let next = bytes.popFirst() { fake.say(String(next)) }
        }
        loop.expect({ !client.results.isEmpty }, "it is whole")
        answers.cancel()
        #expect(client.results == [.success(.bulk(Array("abcdefghijkl".utf8)))])
        #expect(client.events == [.up(number: 1)])
        client.connection.close()
        fake.close()
        #expect(loop.close())
    }

    @Test func ownPauseIsNotTakenForSilenceOfRedis() throws {
        let loop = try Loop()
        let server = try RedisServer()
        let client = Client(loop, try server.endpoint(), limits: quick())
        client.waitUp()
        server.pause()
        client.send("PING")
        // The answer comes while this process stands still: on waking the timers are due before the socket is read.
        loop.schedule(after: 20) {
            server.resume()
            usleep(300_000)
        }
        loop.expect({ !client.results.isEmpty }, "an answer")
        #expect(client.results == [.success(.status("PONG"))])
        client.connection.close()
        #expect(loop.close())
        server.end()
    }

    @Test func restartedRedisIsFoundAgainAndGetsTheScripts() throws {
        let loop = try Loop()
        let server = try RedisServer()
        let client = Client(loop, try server.endpoint(), limits: quick())
        client.waitUp()
        server.kill()
        loop.expect({ client.lastReason != nil }, "the end is noticed")
        client.send("PING")
        #expect(client.results.isEmpty)
        loop.expect({ client.results == [.failure(.notSent)] }, "nothing is sent while down")
        loop.turn(milliseconds: 50)
        try server.start()
        client.waitUp(2)
        client.run(1)
        loop.expect({ client.results.last == .success(.integer(1)) }, "the script is there")
        client.connection.close()
        #expect(loop.close())
        server.end()
    }

    @Test func passwordIsNeededAndExplained() throws {
        let loop = try Loop()
        let server = try RedisServer(["--requirepass", "se cret"])
        let without = Client(loop, try server.endpoint(), limits: quick())
        let wrong = Client(loop, try server.endpoint(login: ":wrong@"), limits: quick())
        let right = Client(loop, try server.endpoint(login: "default:se%20cret@"), limits: quick())
        right.waitUp()
        loop.expect({ without.events.count > 2 && wrong.events.count > 2 }, "they keep trying")
        #expect(without.lastReason?.contains("wants a password") == true)
        #expect(wrong.lastReason?.contains("refused the user or password") == true)
        for client in [without, wrong, right] { client.connection.close() }
        #expect(loop.close())
        server.end()
    }

    @Test(arguments: [
        ("LOADING dataset in memory", "LOADING dataset in memory"), ("CLUSTERDOWN x", "CLUSTERDOWN x"),
        ("READONLY You can't write against a read only replica.", "is a replica: give the primary's address"),
        ("MASTERDOWN x", "is a replica: give the primary's address"),
    ])
    func elsewhereIsAsGoodAsLost(error: String, words: String) throws {
        let loop = try Loop()
        let fake = try FakeRedis(loop, answer: "+PONG\r\n")
        let client = Client(loop, try fake.endpoint(), scripts: [], limits: quick())
        client.waitUp()
        fake.close()
        let other = try FakeRedis(loop, answer: "-\(error)\r\n")
        let refused = Client(loop, try other.endpoint(), scripts: [], limits: quick())
        loop.expect({ refused.lastReason?.contains(words) == true && other.accepted > 1 }, "it tries again")
        client.connection.close()
        refused.connection.close()
        other.close()
        #expect(loop.close())
    }

    @Test func aSentinelAndAPortForTLSAreNamed() throws {
        let loop = try Loop()
        let unknown = "-ERR unknown command 'EXISTS', with args beginning with: 'a' \r\n"
        let sentinel = try FakeRedis(loop, answer: unknown)
        let alert = try FakeRedis(loop, answer: "\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}F")
        let silent = try FakeRedis(loop, answer: nil)
        let first = Client(loop, try sentinel.endpoint(), scripts: [], limits: quick())
        let second = Client(loop, try alert.endpoint(), scripts: [], limits: quick())
        let third = Client(loop, try silent.endpoint(), scripts: [], limits: quick())
        loop.expect({ first.lastReason?.contains("A Sentinel lacks it: give the primary's") == true }, "Sentinel")
        loop.expect(
            { second.lastReason?.contains("speaks TLS: write rediss:// in the URL") == true }, "an alert of TLS")
        loop.expect({ third.lastReason?.contains("A port for TLS does that") == true }, "closed without a word")
        for client in [first, second, third] { client.connection.close() }
        for server in [sentinel, alert, silent] { server.close() }
        #expect(loop.close())
    }

    @Test func aReplyWithoutEndEndsTheConnection() throws {
        let loop = try Loop()
        let endless = try FakeRedis(loop, answer: "*1000000000\r\n")
        let client = Client(loop, try endless.endpoint(), scripts: [], limits: quick())
        loop.expect({ client.lastReason?.contains("a reply has more than 65536 parts") == true }, "it is given up")
        client.connection.close()
        endless.close()
        #expect(loop.close())
    }

    @Test func garbageAndUnaskedRepliesEndTheConnection() throws {
        let loop = try Loop()
        let garbage = try FakeRedis(loop, answer: "HTTP/1.1 400 Bad Request\r\n\r\n")
        let chatty = try FakeRedis(loop, answer: "+PONG\r\n+PONG\r\n")
        let first = Client(loop, try garbage.endpoint(), scripts: [], limits: quick())
        let second = Client(loop, try chatty.endpoint(), scripts: [], limits: quick())
        loop.expect({ first.lastReason?.contains("not the Redis protocol") == true }, "garbage is seen")
        loop.expect({ second.lastReason?.contains("nobody asked for") == true }, "an unasked reply is seen")
        first.connection.close()
        second.connection.close()
        garbage.close()
        chatty.close()
        #expect(loop.close())
    }

    @Test func closeFailsWhatIsOpenAndMayBeCalledFromACallback() throws {
        let loop = try Loop()
        let server = try RedisServer()
        let client = Client(loop, try server.endpoint())
        client.waitUp()
        var after: [RedisError] = []
        client.connection.send([Array("PING".utf8)]) { _ in client.connection.close() }
        for _ in 0..<3 {
            client.connection.send([Array("PING".utf8)]) { if case .failure(let error) = $0 { after.append(error) } }
        }
        loop.expect({ after.count == 3 }, "all are answered")
        #expect(after == [.lost("closed"), .lost("closed"), .lost("closed")])
        client.connection.close()
        loop.turn(milliseconds: 20)
        #expect(client.events == [.up(number: 1)])
        #expect(loop.close())
        server.end()
    }

    @Test func letGoWithoutCloseLeavesNothingBehind() throws {
        let loop = try Loop()
        let server = try RedisServer()
        do {
            let client = Client(loop, try server.endpoint())
            client.waitUp()
        }
        #expect(loop.close())
        server.end()
    }
}
