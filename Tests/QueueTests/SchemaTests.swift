import QueueCore
import Testing

/// Two releases on one Redis: neighbours work together, others leave the data alone.
@Suite struct SchemaTests {
    let fleet = Fleet()

    private var schema: String { fleet.field("state", "schema") }

    @Test func neighboursShareAFleetAndTheSchemaOnlyRises() {
        let ours = QueueLimits.schema
        let g = fleet.gateway()
        #expect(schema == String(ours))
        fleet.isNewer = true
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        #expect(schema == String(ours + 1))
        fleet.isNewer = false
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        #expect(schema == String(ours + 1), "the older one works with it and leaves it as it is")
        fleet.isNewer = true
        #expect(fleet.accept(w, grant).status == "accepted")
        fleet.isNewer = false
        fleet.release(w, grant)
        #expect(fleet.ready(w, grant).status == "ok")
    }

    @Test(arguments: ["0", "1", "7", "8", "11", "2.5", "99999999"])
    func anyOtherSchemaIsLeftAlone(_ other: String) {
        let g = fleet.gateway()
        fleet.write("state", "schema", other)
        let before = fleet.snapshot()
        for script in ["collect", "renew", "roll", "register", "sweep", "settings"] {
            let reply = fleet.raw(script, g.header + (script == "collect" ? [] : ["gateway"]))
            #expect(Outcome(reply).status == "schema" && Outcome(reply).text(0) == other, "\(script)")
        }
        #expect(fleet.snapshot() == before)
        #expect(fleet.audit().count == 1, "the audit says that it does not know them")
    }

    /// Scripts of schema 3 keep their schema in the hash `meta`. This layout refuses such data, and writes its own number there,
    /// so that those scripts refuse its data.
    @Test func anEarlierLayoutIsLeftAlone() {
        let g = Caller("gateway", "g")
        fleet.redis("HSET", fleet.keys.prefix + "meta", "schema", "3")
        #expect(Outcome(fleet.raw("register", g.header + ["gateway"])).text(0) == "3")
        fleet.redis("DEL", fleet.keys.prefix + "meta")
        #expect(fleet.register(g).status == "ok")
        #expect(fleet.redis("HGET", fleet.keys.prefix + "meta", "schema").string == String(QueueLimits.schema))
    }

    @Test func whatARollbackFindsItStillWorksWith() {
        let g = fleet.gateway()
        fleet.isNewer = true
        #expect(fleet.collect(g).status == "ok")
        fleet.isNewer = false
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        #expect(fleet.enqueue(g, fleet.newWaiter()).status == "granted")
        #expect(fleet.renew(w, []).status == "ok")
    }
}
