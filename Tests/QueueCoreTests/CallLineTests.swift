import QueueCore
import Testing

/// Calls by their names; each lane is named after its waiter.
@Suite struct CallLineTests {
    var line = CallLine()
    var names: [CallLine.CallID: String] = [:]
    var ids: [String: CallLine.CallID] = [:]

    private mutating func post(
        _ name: String, lane: String? = nil, of tenant: String = "t", _ kind: CallLine.Kind = .entry
    ) {
        guard case .waits(let id) = line.post(lane: lane ?? name, tenant: tenant, kind) else {
            Issue.record("\(name) was not taken")
            return
        }
        names[id] = name
        ids[name] = id
    }

    /// Everything that may be sent now.
    private mutating func sent() -> [String] {
        var all: [String] = []
        while let id = line.next() { all.append(names[id]!) }
        return all
    }

    @discardableResult
    private mutating func answer(_ name: String, lane: String? = nil, on connection: Int = 1, isTaken: Bool = true)
        -> CallLine.Answer
    {
        line.answered(ids[name]!, lane: lane ?? name, on: connection, isTaken: isTaken)
    }

    @Test mutating func aLanesNextCallWaitsForTheAnswer() {
        line.resume(connection: 1)
        post("enter", lane: "x")
        #expect(sent() == ["enter"])
        post("leave", lane: "x", .exit)
        post("other", lane: "y")
        #expect(sent() == ["other"])
        #expect(answer("enter", lane: "x") == .ends)
        #expect(sent() == ["leave"])
        #expect(line.isBusy(lane: "x"))
        #expect(answer("leave", lane: "x") == .ends)
        #expect(!line.isBusy(lane: "x"))
        answer("other", lane: "y")
        #expect(line.isEmpty)
    }

    @Test mutating func tenantsTakeTurns() {
        for number in 0..<3 { post("a\(number)", of: "a") }
        for number in 0..<2 { post("b\(number)", of: "b") }
        post("c0", of: "c")
        #expect(sent() == [], "there is no connection")
        line.resume(connection: 1)
        #expect(sent() == ["a0", "b0", "c0", "a1", "b1", "a2"])
    }

    @Test mutating func oneTenantLeavesRoomForTheOthers() {
        line.resume(connection: 1)
        for number in 0..<100 { post("a\(number)", of: "a") }
        #expect(sent() == (0..<QueueLimits.callsSentOfTenantMax).map { "a\($0)" })
        post("b0", of: "b")
        #expect(sent() == ["b0"], "it does not wait for any of them")
        answer("a3")
        #expect(sent() == ["a\(QueueLimits.callsSentOfTenantMax)"])
    }

    @Test mutating func theWindowIsShared() {
        line.resume(connection: 1)
        let flooding = QueueLimits.callsSentMax / QueueLimits.callsSentOfTenantMax
        for tenant in 0..<flooding {
            for number in 0..<100 { post("\(tenant).\(number)", of: "\(tenant)") }
        }
        #expect(sent().count == QueueLimits.callsSentMax)
        for number in 0..<2 { post("b\(number)", of: "b") }
        #expect(sent() == [])
        for number in 0..<5 { answer("1.\(number)") }
        let next = (0..<3).map { "1.\(QueueLimits.callsSentOfTenantMax + $0)" }
        #expect(sent() == ["b0", next[0], "b1", next[1], next[2]], "its turn comes with the next answers")
    }

    @Test mutating func verdictsGoBeforeEntries() {
        post("enter 1")
        post("enter 2")
        post("verdict", .other)
        post("leave", .exit)
        line.resume(connection: 1)
        #expect(sent() == ["verdict", "leave", "enter 1", "enter 2"])
    }

    @Test mutating func anEntryNeverSentEndsWithItsExit() {
        post("before")
        post("x")
        post("behind")
        #expect(line.post(lane: "x", tenant: "t", .exit) == .vanished(entry: ids["x"]!))
        #expect(!line.isBusy(lane: "x"))
        line.resume(connection: 1)
        post("y")
        #expect(line.post(lane: "y", tenant: "t", .exit) == .vanished(entry: ids["y"]!))
        #expect(sent() == ["before", "behind"])
    }

    @Test mutating func anEntryThatWasSentIsFollowedByItsExitWhateverBecameOfIt() {
        line.resume(connection: 1)
        post("enter", lane: "x")
        #expect(sent() == ["enter"])
        line.pause()
        #expect(answer("enter", lane: "x", isTaken: false) == .repeats, "it may have been executed")
        post("leave", lane: "x", .exit)
        line.resume(connection: 2)
        #expect(sent() == ["enter"])
        answer("enter", lane: "x", on: 2)
        #expect(sent() == ["leave"])
    }

    @Test mutating func aNewConnectionHasAllItsRoomAndTheFirstOrder() {
        line.resume(connection: 1)
        for number in 0..<40 { post("\(number)") }
        let first = sent()
        line.pause()
        #expect(sent() == [])
        line.resume(connection: 2)
        #expect(sent() == first)
        // What the old connection still owes makes no room on the new one.
        #expect(answer("0", on: 1, isTaken: false) == .isLate)
        #expect(sent() == [])
        answer("0", on: 2)
        #expect(sent() == ["\(QueueLimits.callsSentOfTenantMax)"])
    }

    @Test mutating func aCallRedisDidNotTakeWaitsForTheNextResume() {
        line.resume(connection: 1)
        post("x")
        #expect(sent() == ["x"])
        #expect(answer("x", isTaken: false) == .repeats)
        #expect(sent() == [])
        line.resume(connection: 1)
        #expect(sent() == ["x"])
    }

    @Test mutating func whatIsUnderWayIsNotSentTwiceOnOneConnection() {
        line.resume(connection: 1)
        post("x")
        #expect(sent() == ["x"])
        line.resume(connection: 1)
        #expect(sent() == [])
        #expect(answer("x") == .ends)
    }

    @Test mutating func anEntryThatIsKnownIsNotSentAgain() {
        line.resume(connection: 1)
        post("x")
        #expect(sent() == ["x"])
        #expect(line.forgetEntry(of: "x") == nil, "its answer is welcome")
        #expect(answer("x", isTaken: false) == .dropped)
        post("y")
        #expect(sent() == ["y"])
        #expect(answer("y", isTaken: false) == .repeats)
        #expect(line.forgetEntry(of: "y") == ids["y"])
        #expect(line.forgetEntry(of: "y") == nil)
        line.resume(connection: 2)
        #expect(sent() == [] && line.isEmpty)
    }

    /// A client that connects and resets, again and again, while Redis is away or the window is full.
    @Test mutating func clientsThatComeAndGoLeaveNothingBehind() {
        for number in 0..<QueueLimits.callsSentMax { post("\(number)", of: "\(number % 8)") }
        for connection in [0, 1] {
            if connection > 0 { line.resume(connection: connection) }
            _ = sent()
            for number in 0..<20_000 {
                post("x", lane: "x\(number)", of: "flood \(number % 3)")
                #expect(line.post(lane: "x\(number)", tenant: "", .exit) == .vanished(entry: ids["x"]!))
            }
        }
        post("next", of: "honest")
        post("behind", of: "0")
        answer("0")
        #expect(sent() == ["next"])
    }

    /// Random events, with the laws checked after each: one call of a lane, the windows, and at the end everything sent
    /// once for each connection that ended under it.
    @Test(arguments: 1...20) mutating func whateverHappensNothingIsLostAndNothingOvertakes(seed: UInt64) {
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        var connection = 1
        var underWay: [(name: String, lane: String, tenant: Int)] = []
        var owed: [String: [String]] = [:]
        line.resume(connection: connection)
        func take(_ line: inout CallLine, _ names: [CallLine.CallID: String]) {
            while let id = line.next() {
                let name = names[id]!
                let parts = name.split(separator: " ").map(String.init)
                #expect(owed[parts[0]]?.first == name, "in the order of the lane")
                #expect(!underWay.contains { $0.lane == parts[0] })
                underWay.append((name, parts[0], Int(parts[1])!))
            }
            #expect(underWay.count <= QueueLimits.callsSentMax)
            for tenant in 0..<5 {
                #expect(underWay.filter { $0.tenant == tenant }.count <= QueueLimits.callsSentOfTenantMax)
            }
        }
        for step in 0..<2_000 {
            switch random(10) {
            case 0...4:
                let number = random(300)
                let (lane, tenant) = ("l\(number)", number % 5)
                let name = "\(lane) \(tenant) \(step)"
                let kind = [CallLine.Kind.entry, .exit, .other][random(3)]
                switch line.post(lane: lane, tenant: "\(tenant)", kind) {
                case .waits(let id):
                    (names[id], ids[name]) = (name, id)
                    owed[lane, default: []].append(name)
                case .vanished(let entry):
                    #expect(owed[lane] == [names[entry]!])
                    owed[lane] = nil
                }
            case 5...8:
                guard !underWay.isEmpty else { break }
                let one = underWay.remove(at: random(underWay.count))
                #expect(answer(one.name, lane: one.lane, on: connection) == .ends)
                owed[one.lane]!.removeFirst()
                if owed[one.lane]!.isEmpty { owed[one.lane] = nil }
            default:
                guard random(40) == 0 else { break }
                line.pause()
                for one in underWay where random(2) == 0 {
                    #expect(answer(one.name, lane: one.lane, on: connection, isTaken: false) == .repeats)
                }
                underWay = []
                connection += 1
                line.resume(connection: connection)
            }
            take(&line, names)
        }
        while !underWay.isEmpty {
            let one = underWay.removeFirst()
            answer(one.name, lane: one.lane, on: connection)
            owed[one.lane]!.removeFirst()
            take(&line, names)
        }
        #expect(line.isEmpty && owed.values.allSatisfy(\.isEmpty))
    }
}
