import EventLoop
import TestSupport
import Testing

@testable import RedisClient

/// A cluster's node sends a client to another one.
@Suite struct RedisRedirectionTests {
    private func quick() -> RedisConnection.Limits {
        var limits = RedisConnection.Limits()
        limits.silenceMilliseconds = 100
        limits.backoffMaxMilliseconds = 50
        return limits
    }

    private func moved(to fake: FakeRedis) throws -> String {
        guard case .host(let host, let port) = try fake.endpoint().place else { return "" }
        return "-MOVED 7 \(host):\(port)\r\n"
    }

    /// What became of a connection, in order.
    private final class Events {
        var all: [RedisConnection.Event] = []
        var isUp: Bool {
            if case .up = all.last { return true }
            return false
        }
    }

    private func connect(_ loop: Loop, _ fake: FakeRedis, _ events: Events) throws -> RedisConnection {
        let connection = RedisConnection(
            loop: loop, endpoint: try fake.endpoint(), key: "berth:{a}:state", limits: quick()
        ) { events.all.append($0) }
        connection.start()
        return connection
    }

    @Test func theLogInEndsWhereTheKeysAre() throws {
        let loop = try Loop()
        let home = try FakeRedis(loop, answer: ":1\r\n")
        let door = try FakeRedis(loop, answer: try moved(to: home))
        let events = Events()
        let connection = try connect(loop, door, events)
        loop.expect({ events.isUp }, "led on")
        #expect(events.all == [.up(number: 1)], "being led on is no outage")
        #expect(door.accepted == 1 && home.accepted == 1)
        connection.close()
        for fake in [door, home] { fake.close() }
        #expect(loop.close())
    }

    @Test func keysThatMoveTakeTheConnectionAlong() throws {
        let loop = try Loop()
        let next = try FakeRedis(loop, answer: ":1\r\n")
        let home = try FakeRedis(loop, answer: ":1\r\n")
        let events = Events()
        let connection = try connect(loop, home, events)
        loop.expect({ events.isUp }, "up")
        home.answer = try moved(to: next)
        home.changeMind()
        var result: Result<RedisReply, RedisError>?
        connection.send([Array("GET".utf8), Array("x".utf8)]) { result = $0 }
        loop.expect({ events.all.count == 3 }, "followed")
        let words = String(try moved(to: next).dropFirst().dropLast(1))
        #expect(result == .failure(.lost(words)), "asked again on the next connection")
        #expect(events.all == [.up(number: 1), .down(reason: words), .up(number: 2)])
        connection.close()
        for fake in [home, next] { fake.close() }
        #expect(loop.close())
    }

    @Test func nodesThatPointAtEachOtherAreWaitedOut() throws {
        let loop = try Loop()
        let one = try FakeRedis(loop, answer: "")
        let two = try FakeRedis(loop, answer: try moved(to: one))
        one.answer = try moved(to: two)
        let events = Events()
        let connection = try connect(loop, one, events)
        loop.expect({ !events.all.isEmpty }, "given up for a while")
        #expect(one.accepted + two.accepted == 6, "five redirections at most")
        loop.expect({ events.all.count == 3 }, "and tried again")
        #expect(!connection.isUp)
        connection.close()
        for fake in [one, two] { fake.close() }
        #expect(loop.close())
    }

    @Test func aNodeThatEndsLeadsBackToTheOneConfiguredAndTheOtherWayRound() throws {
        let loop = try Loop()
        let home = try FakeRedis(loop, answer: ":1\r\n")
        let door = try FakeRedis(loop, answer: try moved(to: home))
        let events = Events()
        let connection = try connect(loop, door, events)
        loop.expect({ events.isUp }, "up at the node that was named")
        door.answer = ":1\r\n"
        home.close()
        loop.expect({ events.all.last == .up(number: 2) }, "up at the one configured")
        #expect(door.accepted == 2)
        let again = try FakeRedis(loop, answer: ":1\r\n")
        door.answer = try moved(to: again)
        door.cut()
        loop.expect({ events.all.last == .up(number: 3) }, "led on again")
        #expect(again.accepted == 1)
        connection.close()
        for fake in [door, again] { fake.close() }
        #expect(loop.close())
    }

    @Test(arguments: [
        "-ASK 7 10.0.0.1:1", "-TRYAGAIN x", "-CLUSTERDOWN x", "-ERR Script attempted to access a non local key x",
    ])
    func aSlotThatIsBeingMovedIsWaitedOut(words: String) throws {
        let loop = try Loop()
        let fake = try FakeRedis(loop, answer: words + "\r\n")
        let events = Events()
        let connection = try connect(loop, fake, events)
        loop.expect({ events.all.count >= 2 && fake.accepted >= 2 }, "tried again")
        #expect(events.all.first == .down(reason: String(words.dropFirst())))
        connection.close()
        fake.close()
        #expect(loop.close())
    }

    @Test func aSubscriptionStandsWhereItsChannelBelongs() throws {
        let loop = try Loop()
        let home = try FakeRedis(loop, answer: "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")
        let door = try FakeRedis(loop, answer: try moved(to: home))
        var events: [RedisSubscription.Event] = []
        let subscription = RedisSubscription(
            loop: loop, endpoint: try door.endpoint(), channel: "c", onEvent: { events.append($0) }, onMessage: { _ in }
        )
        subscription.start()
        loop.expect({ subscription.isSubscribed }, "led on")
        #expect(events == [.subscribed])
        door.answer = "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"
        home.say("*3\r\n$12\r\nsunsubscribe\r\n$1\r\nc\r\n:0\r\n")
        loop.expect({ events.last == .subscribed && events.count == 3 }, "looked for anew")
        #expect(events[1] == .lost(reason: "the channel's slot moved to another node"))
        subscription.close()
        for fake in [door, home] { fake.close() }
        #expect(loop.close())
    }

    @Test(arguments: [
        ("MOVED 1 10.0.0.7:7000", "redis://10.0.0.7:7000/0"), ("MOVED 1 ::1:7000", "redis://[::1]:7000/0"),
        ("MOVED 1 :7000", "redis://redis:7000/0"), ("MOVED 1 ?:7000", "redis://redis:7000/0"),
        ("MOVED 1 node-2.internal:7000", "redis://node-2.internal:7000/0"), ("MOVED 1", nil), ("MOVED 1 a:0", nil),
        ("MOVED 1 a:65536", nil), ("MOVED 1 a", nil), ("ASK 1 a:1", nil),
    ])
    func whatARedirectionNames(words: String, place: String?) throws {
        let endpoint = try RedisEndpoint(url: "redis://user:word@redis:6379")
        let node = endpoint.moved(words)
        #expect(node?.description == place)
        #expect(node == nil || (node?.user == "user" && node?.password == "word"))
        let encrypted = try RedisEndpoint(url: "rediss://:word@redis", authorities: "/ca.pem")
        #expect(
            encrypted.moved("MOVED 1 10.0.0.2:7000")
                == (try RedisEndpoint(url: "rediss://:word@10.0.0.2:7000", authorities: "/ca.pem")))
        #expect(try RedisEndpoint(url: "unix:///s").moved("MOVED 1 :7000") == nil, "no host to stay at")
    }
}
