import QueueCore
import Testing

@Suite struct ArgumentTests {
    let fleet = Fleet()

    /// Everything in Redis but the clock, as DUMP has it.
    private func everything() -> [String: String] {
        var all: [String: String] = [:]
        for key in fleet.redis("KEYS", "berth*").strings {
            all[key] = fleet.redis("EVAL", "return redis.sha1hex(redis.call('DUMP', KEYS[1]))", "1", key).string
        }
        return all
    }

    @Test func badArgumentsChangeNothing() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "y:z|||raw"], probedBy: g)
        let id = fleet.newWaiter()
        let before = everything()
        let good = [id, "a", "x|||raw", "0", "", "1", "", "0", "", "0"]
        for (index, words) in [
            (0, ["", "XYZ", id + "0", id.uppercased() + "Z"]),
            (1, ["", "a b", "a:b", "*", String(repeating: "t", count: 65)]),
            (2, ["", "x", "x|", "x||||", "a:::b|||raw", "x|b c|", "||x y", "x\n|||raw", "a:b:c:d:e:f:g:h:i|||raw"]),
            (3, ["", "-1", "1.5", "inf", "nan", "0x10", " 1", "1e9", "99999999999999999"]),
            (4, [String(repeating: "r", count: QueueLimits.runBytesMax + 1), "a b", "a\nb", "é"]),
            (6, ["-5", "abc", "inf"]), (7, ["", "-1", "x"]),
            (8, ["a b", "a:b", String(repeating: "t", count: 65)]),
            (9, ["", "-1", "x", String(QueueLimits.keepSecondsMax + 1)]),
        ] {
            for word in words {
                var arguments = good
                arguments[index] = word
                #expect(fleet.run("enqueue", g, arguments).status == "bad", "\(index) \(word)")
            }
        }
        for row in [
            "", "0 free 0 0 -", "0 free 0 0 - - -", "x free 0 0 - -", "0 odd 0 0 - -", "0 free -1 0 - -",
            "0 free 0 inf - -", "0 leased 1 1 - a", "0 leased 1 1 nolease a",
            "0 leased 1 1 \(id).1 a:b", "0 kept 1 1 - -", "0 leased 1 1 \(id).1 a 0 1", "0 leased 1 1 \(id).1 a 0 1 -",
            "0 kept 1 1 \(id).1 a x 1 - 0", "0 kept 1 1 \(id).1 a 3601 1 - 0", "0 kept 1 1 \(id).1 a 1 -1 - 0",
            "0 kept 1 1 \(id).1 a 1 1 - -1", "0 kept 1 1 \(id).1 a 1 1 - x",
        ] {
            #expect(fleet.run("renew", w, ["7", "", "0", "", row]).status == "bad", "\(row)")
            let arguments = ["worker", "h:1", "2", "lenient", "0", "0", "0", "0", "1", "x|||raw", "y:z|||raw", row]
            #expect(fleet.run("register", w, arguments).status == "bad", "\(row)")
        }
        for arguments in [
            ["worker", "", "1", "lenient", "0", "0", "0", "0", "1", "x|||raw"],
            ["worker", "a b", "1", "lenient", "0", "0", "0", "0", "1", "x|||raw"],
            ["worker", "a\u{0}b", "1", "lenient", "0", "0", "0", "0", "1", "x|||raw"],
            ["worker", "h:1", "0", "lenient", "0", "0", "0", "0", "1"],
            ["worker", "h:1", "1", "lenient", "0", "0", "0", "0", "1"],
            ["worker", "h:1", "1", "x|||raw"], ["worker", "h:1", "1", "lenient", "0", "0", "2", "0", "1", "x|||raw"],
            ["worker", "h:1", "1", "lenient", "0", "0", "", "0", "1", "x|||raw"],
            ["worker", "h:1", "1", "lenient", "0", "0", "0", "-1", "1", "x|||raw"],
            ["worker", "h:1", "1", "lenient", "0", "0", "0", "0", "a b", "x|||raw"],
            ["worker", "h:1", "1", "lenient", "0", "0", "0", "0", "", "x|||raw"],
            ["worker", "h:1", "1025", "lenient", "0", "0", "0", "0", "1", "x|||raw"],
            ["worker", "h:1", "1", "lenient", "0", "0", "0", "0", "1", "x"],
            ["worker", "h:1", "1", "lenient", "0", "0", "0", "0", "1", "*|||raw"],
            ["worker", "h:1", "1", "odd", "0", "0", "0", "0", "1", "x|||raw"],
            ["worker", "h:1", "1", "strict", "0", "0", "0", "0", "1", "|||raw"],
            ["worker", "h:1", "1", "lenient", "0", "0", "0", "0", "1", "x y|||raw"],
            ["operator"],
            ["waiter"], [""],
        ] {
            #expect(fleet.run("register", w, arguments).status == "bad", "\(arguments)")
        }
        let limits = "1,1,1,1,1,0"
        for (verb, name, text) in [
            ("declare", "tenant:a", "1,1,1,1,1"), ("declare", "tenant:a", "x,1,1,1,1,0"),
            ("declare", "tenant:a", "-1,1,1,1,1,0"), ("declare", "tenant:a b", limits), ("declare", "tenant:a", "-"),
            ("declare", "tenant:a", "inf,1,1,1,1,0"), ("declare", "tenant:", limits), ("declare", "odd:a", "1"),
            ("declare", "policy", "odd"), ("declare", "policy:a", "fair"), ("set", "pause:", "1"),
            ("set", "pause:x|||raw", "0"), ("set", "pause:*", "1"), ("set", "zero:x|y|z|raw", "1"),
            ("set", "zero:", "1"),
            ("odd", "policy", "fair"), ("resend", "policy", "fair"), ("resend", "policy", "fair 1 - x"),
            ("resend", "policy", "fair 1 odd 2"),
        ] {
            #expect(fleet.settings(g, verb, [(name, text)]).status == "bad", "\(verb) \(name) \(text)")
        }
        #expect(fleet.settings(fleet.nobody, "declare", [("policy", "fair")]).status == "bad")
        #expect(fleet.run("settings", g, ["gateway", "set", "0", "1", "policy"]).status == "bad")
        #expect(fleet.run("settings", g, ["gateway", "set", "x", "1"]).status == "bad")
        let many = Array(repeating: (name: "policy", text: "fair"), count: QueueLimits.settingsBatch + 1)
        #expect(fleet.settings(g, "declare", many).status == "bad")
        for arguments in [["2", "1", "1"], ["0", "", "1"], ["0", "1", "x"], ["0"]] {
            #expect(fleet.run("ready", w, arguments).status == "bad", "\(arguments)")
        }
        for arguments in [
            ["gateway", id + ".1", "odd", "0", "", "", ""], ["worker", id + ".1", "stale", "1", "0", "1", "x"],
            ["gateway"],
            ["odd", id + ".1", "local", "0", "", "", ""],
        ] {
            let caller = arguments[0] == "worker" ? w : g
            #expect(fleet.run("reject", caller, arguments).status == "bad", "\(arguments)")
        }
        for arguments in [["worker", "rest"], ["worker", "drain", w.id], ["operator", "leave"]] {
            #expect(fleet.run("drain", w, arguments).status == "bad", "\(arguments)")
        }
        #expect(fleet.run("renew", w, ["7", "", "2"]).status == "bad")
        for name in ["", "a b", "*", "w:slots", String(repeating: "n", count: 65)] {
            #expect(fleet.drain(name).status == "bad", "\(name)")
        }
        for arguments in [
            ["odd", "a", "waiter", id, "request"], ["gateway", "a b", "waiter", id, "request"],
            ["gateway", "a", "worker", id, "request"], ["gateway", "a", "waiter", "", "request"],
            ["gateway", "a", "run", "a b", "request"], ["gateway", "a", "run", "r", "by request"],
            ["gateway", "a", "tenant", ""], ["gateway"],
        ] {
            #expect(fleet.run("finish", g, arguments).status == "bad", "\(arguments)")
        }
        for arguments in [
            ["a b", id + ".1", id], ["a", id + ".1", ""], ["a", id + ".1", "x" + id.dropFirst()], ["a", id + ".1"], [],
        ] {
            #expect(fleet.run("attach", g, arguments).status == "bad", "\(arguments)")
        }
        #expect(fleet.run("keep", w, [id + ".1", "0", "1", "1", "x"]).status == "bad")
        for header in [
            ["", "1", "0", "0", "0"], [g.id, "x", "0", "0", "0"], [g.id, "1", "", "0", "0"],
            [g.id, "1", "0", "-1", "0"],
            [g.id, "1", "0", "0", "nan"], ["nodot", "1", "0", "0", "0"], ["a b.12", "1", "0", "0", "0"],
        ] {
            #expect(Outcome(fleet.raw("collect", header)).status == "bad", "\(header)")
        }
        #expect(everything() == before)
    }

    @Test func anOldConnectionOrAnUnknownProcessChangesNothing() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        g.connection = 5
        w.connection = 5
        fleet.renew(g)
        fleet.renew(w)
        (g.connection, w.connection) = (4, 4)
        let before = everything()
        #expect(fleet.enqueue(g, fleet.newWaiter()).status == "old")
        #expect(fleet.cancel(g, grant.lease.waiter.text).status == "old")
        #expect(fleet.collect(g, [grant.letter]).status == "old")
        #expect(fleet.reject(g, grant, .unreachable).status == "old")
        #expect(fleet.probed(g, w, false).status == "old")
        #expect(fleet.register(g).status == "old")
        #expect(fleet.cap(g, "a", 1).status == "old")
        #expect(fleet.sweep(g).status == "old")
        #expect(fleet.drain(g, leave: true).status == "old")
        #expect(fleet.accept(w, grant).status == "old")
        #expect(fleet.release(w, grant).status == "old")
        #expect(fleet.ready(w, grant).status == "old")
        #expect(fleet.renew(w).status == "old")
        #expect(fleet.reject(byWorker: w, grant, .occupied).status == "old")
        #expect(fleet.drain(w, leave: true).status == "old")
        #expect(fleet.finish(g, "waiter", grant.lease.waiter.text).status == "old")
        #expect(fleet.reserve(g, grant).status == "old")
        #expect(fleet.attach(g, grant.lease).status == "old")
        #expect(fleet.keep(w, grant).status == "old")
        #expect(everything() == before)

        let (stranger, worker) = (Caller("gateway", "s"), Caller("worker", "s"))
        var seen = fleet.look()
        #expect(fleet.enqueue(stranger, fleet.newWaiter()).status == "unknown")
        #expect(fleet.cancel(stranger, grant.lease.waiter.text).status == "unknown")
        #expect(fleet.collect(stranger).status == "unknown")
        #expect(fleet.reject(stranger, grant, .unreachable).status == "unknown")
        #expect(fleet.accept(worker, grant).status == "unknown")
        #expect(fleet.release(worker, grant).status == "unknown")
        #expect(fleet.ready(worker, slot: 0, grant.token).status == "unknown")
        #expect(fleet.renew(worker).status == "unknown")
        #expect(fleet.drain(worker, leave: true).status == "unknown")
        #expect(fleet.finish(stranger, "waiter", grant.lease.waiter.text).status == "unknown")
        #expect(fleet.reserve(stranger, grant).status == "unknown")
        #expect(fleet.attach(stranger, grant.lease).status == "unknown")
        #expect(fleet.keep(worker, grant).status == "unknown")
        #expect(fleet.look() == seen)
        // One that is known, about what is not its own.
        let (g2, w2) = (fleet.gateway("g2"), fleet.worker("w2", pools: ["y|||raw"], probedBy: fleet.gateway("g3")))
        seen = fleet.look()
        #expect(fleet.cancel(g2, grant.lease.waiter.text).status == "ok")
        #expect(fleet.reject(g2, grant, .unreachable).status == "requeued")
        #expect(fleet.accept(w2, grant).status == "ended")
        #expect(fleet.release(w2, grant).status == "ok")
        #expect(fleet.reserve(g2, grant).status == "ended")
        #expect(fleet.keep(w2, grant).status == "ended")
        #expect(fleet.look() == seen)
    }

    @Test func aReplyThatNotesNoCommitTellsNone() {
        let g = fleet.gateway()
        let other = fleet.gateway("other")
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        for _ in 0..<5 { fleet.collect(other) }
        let epoch = g.history.epoch
        #expect(fleet.run("enqueue", g, ["bad"]).status == "bad")
        for _ in 0..<5 { fleet.collect(other) }
        #expect(fleet.collect(g).epoch == Int(epoch), "no loss is seen where there was none")
        // Ended, still with a record, by too many leases for one call.
        _ = w
        for _ in 0..<200 { fleet.enqueue(g, fleet.newWaiter()) }
        fleet.auditsEachStep = false
        for _ in 0..<6 {
            fleet.advance(milliseconds: 3_000)
            fleet.renew(other)
        }
        fleet.advance(milliseconds: 3_000)
        fleet.sweep(other)
        #expect(fleet.collect(g).status == "unknown")
        while fleet.register(g).status == "busy" {}
        #expect(fleet.collect(g).epoch == Int(epoch) && !fleet.collect(g).holdingOff)
        fleet.check("coming back")
    }
}
