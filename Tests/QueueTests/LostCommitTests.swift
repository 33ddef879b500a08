import QueueCore
import TestSupport
import Testing

/// One session of two gateways and two workers, told again and again: each time another one of its commits is lost
/// after it was answered. Whatever it was, everything heals. `BERTH_LOSE_EACH=1` loses each, not one of eight.
@Suite struct LostCommitTests {
    let fleet = Fleet()

    /// Waits, redispatches, leaves, drains of a slot: every way a waiter can go. Returns after everybody should be out.
    func play(_ actors: Actors) {
        let g1 = actors.gateway("g1")
        let g2 = actors.gateway("g2")
        _ = actors.worker("w1", slots: 1)
        _ = actors.worker("w2", slots: 1)
        _ = actors.call(
            "settings", g1.caller, ["gateway", "declare", "0", "0", "tenant:a", "1,100,1000,0,1,0"])
        for _ in 0..<3 { actors.second() }
        for n in 0..<3 { g1.enqueue("a\(n)", tenant: "a") }
        for n in 0..<3 { g2.enqueue("b\(n)", tenant: "b") }
        g1.enqueue("left", tenant: "b")
        g2.nextDial = .local
        actors.second()
        g1.leave("left")
        g1.nextDial = .failed
        for _ in 0..<12 { actors.second() }
    }

    private func expected(_ g1: GatewayActor, _ g2: GatewayActor) -> Bool {
        g1.served.sorted() == ["a0", "a1", "a2"] && g2.served.sorted() == ["b0", "b1", "b2"]
    }

    /// Runs on until everything has healed, or the time for it is over.
    func heal(_ actors: Actors, within seconds: Int) -> [String] {
        var problems: [String] = []
        for _ in 0...seconds {
            problems = look(actors)
            if problems.isEmpty { return [] }
            actors.second()
        }
        return problems
    }

    private func look(_ actors: Actors) -> [String] {
        let (findings, look) = actors.fleet.auditAndLook()
        var problems = findings + look.findings
        if !look.waiters.isEmpty { problems.append("waiters left: \(look.waiters)") }
        if !look.held.isEmpty { problems.append("held: \(look.held)") }
        let states = look.slots.mapValues { $0.map(\.state) }
        if states.count != 2 || states.values.contains(where: { $0 != ["free"] }) {
            problems.append("slots: \(states)")
        }
        if !expected(actors.gateways[0], actors.gateways[1]) {
            problems.append("served: \(actors.gateways.map(\.served)), waiting: \(actors.gateways.map(\.waits))")
        }
        if actors.workers.contains(where: { $0.twice > 0 }) { problems.append("S2: two clients on one slot") }
        return problems
    }

    @Test func withoutALossEverybodyIsServed() {
        let actors = Actors(fleet)
        play(actors)
        #expect(heal(actors, within: 15) == [])
    }

    @Test(arguments: Actors.Loss.allCases) func whicheverOneCommitIsLostEverythingHeals(_ loss: Actors.Loss) {
        let whole = Actors(fleet)
        play(whole)
        let all = Sample.isWhole || Sample.text("BERTH_LOSE_EACH") != nil
        for number in stride(from: loss == .seen ? 1 : 2, through: whole.commits, by: all ? 1 : 8) {
            let actors = Actors(fleet)
            actors.lose(number, loss)
            play(actors)
            // L6: 15 s, 30 s after data were seen to be lost; and the sessions that were put off meanwhile.
            let problems = heal(actors, within: loss == .seen ? 45 : 30)
            #expect(problems == [], "commit \(number) \(actors.lost)")
        }
    }
}
