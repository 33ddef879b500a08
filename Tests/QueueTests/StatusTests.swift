import Foundation
import QueueCore
import Testing

@testable import Queue

@Suite struct StatusTests {
    let fleet = Fleet()

    private func status(listing waiters: Int = 100) throws -> [String: Any] {
        let text = fleet.raw("status", ["", "0", "0", "0", "0", String(waiters)]).string
        return try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
    }

    @Test func anEmptyRedisHasAStatus() throws {
        let status = try status()
        for name in ["gateways", "workers", "pools", "line", "paused"] {
            #expect((status[name] as? [Any])?.isEmpty == true, "\(name)")
        }
        #expect(status["waiting"] as? Int == 0 && status["policy"] as? String == "fifo")
    }

    @Test func itTellsWhatAWorkerSaysOfItsSlots() throws {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        func trouble() throws -> String? {
            try (status()["workers"] as? [[String: Any]])?.first?["trouble"] as? String
        }
        #expect(try trouble() == "")
        let words = "slot 0: \"quoted\" \\ é " + String(repeating: "x", count: 490)
        #expect(words.utf8.count == QueueLimits.troubleBytesMax)
        #expect(fleet.run("renew", w, ["8", words]).status == "ok")
        #expect(try trouble() == words)
        #expect(fleet.run("renew", w, ["9", words + "x"]).status == "bad")
        #expect(fleet.run("renew", w, ["7", "late"]).status == "ok")
        #expect(try trouble() == words)
        #expect(fleet.run("renew", w, ["9", ""]).status == "ok")
        #expect(try trouble() == "")
    }

    @Test func itTellsWhoWaitsWhatIsPausedAndByWhichRules() throws {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "y|||raw"], probedBy: g)
        for (name, words) in [("policy", "fair"), ("queue", "9"), ("pause:y", "1")] { fleet.order(name, words) }
        fleet.enqueue(g, fleet.newWaiter())
        for _ in 0..<2 { fleet.enqueue(g, fleet.newWaiter()) }
        fleet.advance(milliseconds: 1_500)
        let status = try status(listing: 1)
        #expect(status["policy"] as? String == "fair" && status["maxQueue"] as? Int == 9)
        #expect(status["paused"] as? [String] == ["y"] && status["waiting"] as? Int == 2)
        #expect((status["line"] as? [Any])?.count == 1 && status["oldestWaitMs"] as? Int == 1_500)
        #expect(status["partial"] as? Bool == false && status["holdOff"] as? Bool == false)
        let pools = try #require(status["pools"] as? [[String: Any]])
        #expect(pools.map { $0["pool"] as? String } == ["x|||raw", "y|||raw"])
        #expect(pools.map { $0["paused"] as? Bool } == [false, true] && pools[0]["leased"] as? Int == 1)
        let workers = try #require(status["workers"] as? [[String: Any]])
        #expect(workers.map { $0["id"] as? String } == [w.id] && workers[0]["state"] as? String == "ok")
    }
}
