import EventLoop
import QueueCore
import RedisClient
import TestSupport
import Testing

@testable import Queue

/// The questions of `berth doctor` to Redis.
@Suite struct ExaminationTests {
    private func ask<Answer>(
        _ fleet: LiveFleet, _ question: (@escaping (Result<Answer, Inspector.Failure>) -> Void) -> Void
    ) throws -> Answer {
        var answer: Result<Answer, Inspector.Failure>?
        question { answer = $0 }
        fleet.wait { answer != nil }
        return try #require(answer).get()
    }

    @Test func theDocumentedRightsAreEnough() throws {
        let server = try RedisServer(variant: .acl)
        let fleet = try LiveFleet(slots: 1, server: server)
        defer { fleet.end() }
        let inspector = Inspector(loop: fleet.loop, endpoint: try server.endpoint(), fleet: "test")
        defer { inspector.close() }
        let report = try ask(fleet, inspector.examine)
        #expect(report.refusedCommands == [])
        #expect(report.gateways.map { String($0.id.node) } == ["gateway"] && report.gateways[0].suspension == "")
        let worker = try #require(report.workers.first)
        #expect(worker.id == fleet.registry.id && worker.address == "127.0.0.1:1" && worker.state == "ok")
        #expect(!worker.isDraining && worker.backoffMilliseconds == 0 && worker.trouble == "")
        let store = try ask(fleet, inspector.store)
        #expect(store.version.hasPrefix("Redis 7.") && !store.isReplica)
        #expect(try #require(store.timeMicroseconds) > 1_600_000_000_000_000)
    }

    @Test func aMissingRightIsNamed() throws {
        let server = try RedisServer(variant: .redis)
        let fleet = try LiveFleet(slots: 1, server: server)
        defer { fleet.end() }
        let admin = BlockingConnection(unix: server.path)
        _ = admin(["ACL", "SETUSER", "poor", "on", ">secret", "~berth:*", "&other:*", "+@all", "-zadd", "-hsetnx"])
        let url = "unix://poor:secret@\(server.path)"
        let inspector = Inspector(loop: fleet.loop, endpoint: try RedisEndpoint(url: url), fleet: "test")
        defer { inspector.close() }
        let refused = try ask(fleet, inspector.examine).refusedCommands
        #expect(refused == ["HSETNX", "ZADD", "PUBLISH", "PUBLISH", "SUBSCRIBE"])
    }

    @Test func theListHasEachCommandOfTheScripts() throws {
        let called = try Regex(#"(?:read|write|redis\.call|change_worker|walk)\('([A-Z]+)'"#)
        let scanned = try Regex(#"'([HSZ]SCAN)'"#)
        var used: Set<String> = []
        for (name, text) in ScriptLibrary.parts + ScriptLibrary.verbs {
            for match in text.matches(of: called) + text.matches(of: scanned) {
                used.insert(String(try #require(match.output[1].substring, "\(name)")))
            }
        }
        #expect(used.subtracting(["TIME", "PUBLISH", "SCAN"]).sorted() == Inspector.commandsOfKeys)
    }
}
