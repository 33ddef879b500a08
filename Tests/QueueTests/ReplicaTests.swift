import EventLoop
import QueueCore
import TestSupport
import Testing

@testable import Queue

/// A process whose Redis takes its log-in and nothing else.
@Suite struct ReplicaTests {
    @Test func aReplicaIsNamedOnceAndIsNotBackUntilItTakesAScript() throws {
        let loop = try Loop()
        // Its primary is nowhere.
        let server = try RedisServer(["--replicaof", "127.0.0.1", "1"])
        let runtime = LoopRuntime(
            loop: loop, endpoint: try server.endpoint(), key: Keys(fleet: "test").state)
        let id = try #require(ProcessID(node: "gateway", generation: 1))
        let membership = Membership(runtime: runtime, fleet: "test", id: id, kind: .gateway)
        var notices: [String] = []
        membership.onNotice = { notices.append($0) }
        membership.start()
        // Each of these connections logged in, loaded its scripts, and was refused its first write.
        let hasTried = loop.run(until: { membership.connection.number == 4 }, timeoutMilliseconds: 20_000)
        #expect(hasTried)
        #expect(notices.count == 1, "\(notices)")
        #expect(notices.first?.contains("is a replica: give the primary's address") == true, "\(notices)")
        _ = BlockingConnection(unix: server.path)(["REPLICAOF", "NO", "ONE"])
        let isBack = loop.run(until: { membership.isMember }, timeoutMilliseconds: 20_000)
        #expect(isBack)
        #expect(notices.dropFirst() == ["Redis is back"])
        membership.close()
        #expect(loop.close())
        server.end()
    }

    /// A failover leaves a member connected to what is a replica by now: each new connection logs in there.
    @Test func aMemberIsNotBackAtALogIn() throws {
        let loop = try Loop()
        let server = try RedisServer()
        let runtime = LoopRuntime(
            loop: loop, endpoint: try server.endpoint(), key: Keys(fleet: "test").state)
        let id = try #require(ProcessID(node: "gateway", generation: 1))
        let membership = Membership(runtime: runtime, fleet: "test", id: id, kind: .gateway)
        var answers = 0
        membership.onAnswered = { answers += 1 }
        membership.start()
        let isMember = loop.run(until: { membership.isMember }, timeoutMilliseconds: 20_000)
        #expect(isMember && answers == 1)

        let operating = BlockingConnection(unix: server.path)
        _ = operating(["REPLICAOF", "127.0.0.1", "1"])
        let next = membership.connection.number + 3
        let hasTried = loop.run(until: { membership.connection.number == next }, timeoutMilliseconds: 20_000)
        #expect(hasTried && membership.isMember && answers == 1)

        _ = operating(["REPLICAOF", "NO", "ONE"])
        let isBack = loop.run(until: { answers == 2 }, timeoutMilliseconds: 20_000)
        #expect(isBack)
        membership.close()
        #expect(loop.close())
        server.end()
    }
}
