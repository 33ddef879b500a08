import QueueCore
import Testing

/// Rows of settings: a file's word, an operator's order, and the version of each.
@Suite struct SettingsTests {
    private let fleet = Fleet()
    private let name = "tenant:a"

    private func words(_ cap: Int) -> String {
        TenantLimits(
            cap: cap, queueMax: 9, waitMaxMilliseconds: 1_000, priorityMaxSeconds: 0, weight: 1
        ).words
    }

    private func declare(_ gateway: Caller, _ caps: [Int], began: String = "0") -> Outcome {
        fleet.advance(milliseconds: 10)
        return fleet.settings(
            gateway, "declare", caps.enumerated().map { ("tenant:\(["a", "b", "c"][$0])", words($1)) }, began: began,
            last: true)
    }

    /// Declared and ordered words, without versions.
    private var row: [String] {
        let words = fleet.setting(name).split(separator: " ").map(String.init)
        return words.count == 4 ? [words[0], words[2]] : []
    }

    @Test func anOldFileChangesNoOrderAndANewOneDoes() {
        let g = fleet.gateway()
        _ = declare(g, [1])
        fleet.order(name, words(5))
        let ordered = fleet.setting(name)
        _ = declare(g, [1])
        #expect(fleet.setting(name) == ordered, "a restart with the old file")
        _ = declare(g, [2])
        #expect(row == [words(2), "-"])
        fleet.order(name, words(7))
        fleet.order(name, "-")
        #expect(row == [words(2), "-"], "the word is the file's again")
    }

    @Test func repeatedItChangesNothing() {
        let g = fleet.gateway()
        _ = declare(g, [1])
        let before = fleet.setting(name)
        fleet.order(name, words(3))
        let ordered = fleet.setting(name)
        fleet.advance(milliseconds: 5)
        fleet.order(name, words(3))
        #expect(fleet.setting(name) == ordered && ordered != before)
    }

    @Test func newerRowsAreHandedOutInBatchesByVersion() {
        let g = fleet.gateway()
        fleet.auditsEachStep = false
        for start in [0, 256] {
            let rows = (start..<start + 256).map { (name: "tenant:t\($0)", text: words(1)) }
            #expect(fleet.settings(g, "declare", rows).status == "ok")
        }
        fleet.order("policy", "fair")
        var (version, seen) = (0, [String]())
        var batches: [Int] = []
        repeat {
            let reply = fleet.renew(g, settingsFrom: version)
            let rows = reply.texts(2)
            batches.append(rows.count / 2)
            seen += stride(from: 0, to: rows.count, by: 2).map { rows[$0] }
            guard let last = rows.last?.split(separator: " ") else { break }
            version = max(Int(last[1])!, Int(last[3])!)
            #expect(version <= Int(reply.text(1))!)
        } while batches.count < 9
        #expect(batches == [256, 256, 1, 0])
        #expect(Set(seen).count == 513 && seen.last == "policy")
    }

    @Test func eachHalfOfARowHealsByItself() {
        let g = fleet.gateway()
        _ = declare(g, [1])
        fleet.order(name, words(5))
        let remembered = fleet.setting(name)
        for newbornFirst in [true, false] {
            fleet.redis("FLUSHALL")
            fleet.setClock()
            fleet.load()
            let newborn = Caller("gateway", "n", generation: 9)
            fleet.register(newborn)
            fleet.register(g)
            if newbornFirst { _ = declare(newborn, [1]) }
            fleet.settings(g, "resend", [(name, remembered)], began: "1", last: true)
            if !newbornFirst { _ = declare(newborn, [1]) }
            #expect(row == [words(1), words(5)], "an operator's order comes back, whoever came first")
            let healed = fleet.setting(name)
            fleet.settings(g, "resend", [(name, "\(words(8)) 3 \(words(9)) 4")])
            #expect(fleet.setting(name) == healed, "older versions change nothing")
        }
    }

    @Test func whatNoLivingFileNamesIsTakenBack() {
        let (g, other) = (fleet.gateway("g"), fleet.gateway("h"))
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        _ = declare(other, [1])
        _ = declare(g, [1, 1, 1])
        fleet.live(2, [g, other, w])
        let began = declare(g, [1, 1]).text(0)
        #expect(Int(began) != nil)
        fleet.live(2, [g, other, w])
        #expect(
            fleet.setting("tenant:c") != "" && fleet.setting("tenant:c").hasPrefix(words(1)), "other may name it yet")
        _ = declare(other, [1])
        let grant = fleet.enqueue(g, fleet.newWaiter(), tenant: "c").grant!
        fleet.accept(w, grant)
        fleet.live(3, [g, other, w])
        #expect(fleet.setting("tenant:c").hasPrefix(words(1)), "it holds a slot")
        fleet.release(w, grant)
        fleet.live(3, [g, other, w])
        #expect(fleet.setting("tenant:c").hasPrefix("- "))
        #expect(row == [words(1), "-"])
        #expect(fleet.setting("tenant:b").hasPrefix(words(1)), "g's file names it")
        fleet.auditsEachStep = false
        fleet.live(601, [g, other, w])
        #expect(fleet.setting("tenant:c") == "")
        #expect(fleet.findings() == [])
    }

    @Test func anOrderOutlivesTheFilesThatNamedTheTenant() {
        let g = fleet.gateway()
        _ = declare(g, [1, 1])
        fleet.order("tenant:b", words(4))
        _ = declare(g, [1])
        fleet.live(3, [g])
        #expect(fleet.setting("tenant:b").hasPrefix("- ") && fleet.setting("tenant:b").contains(words(4)))
    }

    @Test func aDeadGatewaysFileCountsNoMore() {
        let (g, other) = (fleet.gateway("g"), fleet.gateway("h"))
        _ = declare(other, [1, 1, 1])
        _ = declare(g, [1])
        fleet.live(3, [g, other])
        #expect(fleet.setting("tenant:c").hasPrefix(words(1)))
        fleet.live(15, [g])
        #expect(fleet.setting("tenant:c").hasPrefix("- "))
    }

    @Test func thereIsRoomForSoManyRows() {
        fleet.auditsEachStep = false
        let g = fleet.gateway()
        for start in stride(from: 0, to: QueueLimits.settingsMax, by: 256) {
            let rows = (start..<start + 256).map { (name: "tenant:t\($0)", text: words(1)) }
            #expect(fleet.settings(g, "declare", rows).status == "ok")
        }
        #expect(fleet.settings(g, "declare", [("tenant:more", words(1))]).status == "too_many")
        #expect(fleet.settings(g, "declare", [("tenant:t1", words(2))]).status == "ok")
        #expect(fleet.audit() == [])
    }
}
