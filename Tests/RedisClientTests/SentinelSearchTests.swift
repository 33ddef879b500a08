import EventLoop
import TestSupport
import Testing

@testable import RedisClient

@Suite struct SentinelSearchTests {
    private func port(_ fake: FakeRedis) throws -> Int {
        guard case .host(_, let port) = try fake.endpoint().place else { return 0 }
        return port
    }

    private func url(_ sentinels: [FakeRedis]) throws -> RedisEndpoint {
        let hosts = try sentinels.map { "127.0.0.1:\(try port($0))" }.joined(separator: ",")
        return try RedisEndpoint(url: "redis+sentinel://\(hosts)/main")
    }

    private func address(_ fake: FakeRedis) throws -> String {
        let digits = "\(try port(fake))"
        return "*2\r\n$9\r\n127.0.0.1\r\n$\(digits.utf8.count)\r\n\(digits)\r\n"
    }

    /// The events of a connection that lives until the condition holds.
    private func events(
        _ loop: Loop, _ endpoint: RedisEndpoint, until isOver: ([RedisConnection.Event]) -> Bool
    ) -> [RedisConnection.Event] {
        var limits = RedisConnection.Limits()
        limits.silenceMilliseconds = 100
        limits.backoffMaxMilliseconds = 50
        var events: [RedisConnection.Event] = []
        let connection = RedisConnection(loop: loop, endpoint: endpoint, limits: limits) { events.append($0) }
        connection.start()
        loop.expect({ isOver(events) }, "the events")
        connection.close()
        return events
    }

    @Test func theFirstThatKnowsIsBelieved() throws {
        let loop = try Loop()
        let primary = try FakeRedis(loop, answer: "+PONG\r\n")
        let silent = try FakeRedis(loop, answer: nil)
        let ignorant = try FakeRedis(loop, answer: "*-1\r\n")
        let strict = try FakeRedis(loop, answer: "-NOAUTH Authentication required.\r\n")
        let good = try FakeRedis(loop, answer: try address(primary))
        let found = events(loop, try url([silent, ignorant, strict, good])) { !$0.isEmpty }
        #expect(found == [.up(number: 1)])
        #expect([silent, ignorant, strict, good].map(\.accepted) == [1, 1, 1, 1])
        for fake in [primary, silent, ignorant, strict, good] { fake.close() }
        #expect(loop.close())
    }

    /// After each end the sentinels are asked, not the primary that was.
    @Test func afterAnEndTheyAreAskedAgain() throws {
        let loop = try Loop()
        let old = try FakeRedis(loop, answer: "+PONG\r\n")
        let new = try FakeRedis(loop, answer: "+PONG\r\n")
        let sentinel = try FakeRedis(loop, answer: try address(old))
        var isCut = false
        let found = events(loop, try url([sentinel])) { events in
            if events.last == .up(number: 1), !isCut {
                isCut = true
                sentinel.answer = try? address(new)
                old.cut()
            }
            return events.last == .up(number: 2)
        }
        #expect(found.count == 3 && old.accepted == 1 && new.accepted == 1)
        for fake in [old, new, sentinel] { fake.close() }
        #expect(loop.close())
    }

    @Test func whyThereIsNoPrimaryIsSaid() throws {
        let loop = try Loop()
        let ignorant = try FakeRedis(loop, answer: "*-1\r\n")
        let other = try FakeRedis(loop, answer: "*-1\r\n")
        let broken = try FakeRedis(loop, answer: "?\r\n")
        let cases: [([FakeRedis], String)] = [
            ([ignorant, other], "knows a primary named main: write the name of their lines"),
            ([ignorant, broken], "no sentinel names the primary main: "),
            ([broken], "not the Redis protocol"),
        ]
        for (sentinels, words) in cases {
            let found = events(loop, try url(sentinels)) { !$0.isEmpty }
            guard case .down(let reason) = found.first else {
                Issue.record("no reason")
                continue
            }
            #expect(reason.contains(words), "\(reason)")
        }
        for fake in [ignorant, other, broken] { fake.close() }
        let nobody = events(loop, try RedisEndpoint(url: "redis+sentinel://127.0.0.1:1/main")) { !$0.isEmpty }
        guard case .down(let reason) = try #require(nobody.first) else {
            Issue.record("up")
            return
        }
        #expect(reason.contains("127.0.0.1:1: connect"))
        #expect(loop.close())
    }
}
