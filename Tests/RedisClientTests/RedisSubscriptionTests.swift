import EventLoop
import TestSupport
import Testing

@testable import RedisClient

@Suite struct RedisSubscriptionTests {
    private final class Subscriber {
        private(set) var subscription: RedisSubscription!
        var events: [RedisSubscription.Event] = []
        var messages: [[UInt8]] = []

        init(_ loop: Loop, _ endpoint: RedisEndpoint) {
            subscription = RedisSubscription(loop: loop, endpoint: endpoint, channel: "wake:{a}") { [unowned self] in
                events.append($0)
            } onMessage: { [unowned self] in
                messages.append($0)
            }
            subscription.pingMilliseconds = 40
            subscription.start()
        }
    }

    private func publish(_ loop: Loop, _ server: RedisServer, _ messages: [[UInt8]]) throws {
        let connection = RedisConnection(loop: loop, endpoint: try server.endpoint()) { _ in }
        connection.start()
        loop.expect({ connection.isUp }, "up")
        var receivers: [Int64] = []
        for message in messages {
            connection.send([Array("PUBLISH".utf8), Array("wake:{a}".utf8), message]) {
                receivers.append((try? $0.get().int) ?? 0)
            }
        }
        loop.expect({ receivers.count == messages.count }, "published")
        #expect(receivers.allSatisfy { $0 == 1 })
        connection.close()
    }

    @Test func messagesArriveInOrderAsBytes() throws {
        let loop = try Loop()
        let server = try RedisServer()
        let subscriber = Subscriber(loop, try server.endpoint())
        loop.expect({ subscriber.events == [.subscribed] }, "subscribed")
        let messages: [[UInt8]] = [[], [0, 255, 13, 10], Array("grant".utf8), [UInt8](repeating: 1, count: 300_000)]
        try publish(loop, server, messages)
        loop.expect({ subscriber.messages.count == 4 }, "all arrive")
        #expect(subscriber.messages == messages)
        // Several pings later it is still the same connection.
        loop.turn(milliseconds: 200)
        #expect(subscriber.events == [.subscribed] && subscriber.subscription.isSubscribed)
        subscriber.subscription.close()
        #expect(loop.close())
        server.end()
    }

    @Test func silenceIsLossAndItSubscribesAgain() throws {
        let loop = try Loop()
        let server = try RedisServer()
        let subscriber = Subscriber(loop, try server.endpoint())
        loop.expect({ subscriber.subscription.isSubscribed }, "subscribed")
        server.pause()
        loop.expect({ subscriber.events.count >= 2 }, "noticed")
        #expect(subscriber.events[1] == .lost(reason: "Redis did not answer for 40 ms"))
        server.resume()
        loop.expect({ subscriber.events.last == .subscribed }, "again")
        try publish(loop, server, [[1]])
        loop.expect({ subscriber.messages == [[1]] }, "messages again")
        subscriber.subscription.close()
        #expect(loop.close())
        server.end()
    }

    @Test func killedRedisIsLossAndItSubscribesAgain() throws {
        let loop = try Loop()
        let server = try RedisServer()
        let subscriber = Subscriber(loop, try server.endpoint())
        loop.expect({ subscriber.subscription.isSubscribed }, "subscribed")
        server.kill()
        // By its end, or by a ping that finds nobody.
        loop.expect({ subscriber.events.count > 1 && !subscriber.subscription.isSubscribed }, "noticed")
        try server.start()
        loop.expect({ subscriber.events.last == .subscribed }, "again")
        subscriber.subscription.close()
        #expect(loop.close())
        server.end()
    }
}
