import Testing

@testable import WorkerCore

/// Which connection closes for one more. `gateway` and `flood` are addresses.
@Suite struct PendingConnectionsTests {
    private let gateway: UInt64 = 3
    private let flood: UInt64 = 2

    /// Lets one in, and closes for it as a worker does. Returns what was closed.
    private func arrive(
        _ pending: inout PendingConnections, _ id: UInt64, _ address: UInt64, now: UInt64 = 0
    ) -> [UInt64] {
        pending.arrived(id, from: address, now: now)
        var closed: [UInt64] = []
        while let one = pending.surplus(now: now) {
            pending.left(one)
            closed.append(one)
        }
        return closed
    }

    @Test func anAddressThatFloodsClosesItsOwn() {
        var pending = PendingConnections(max: 8)
        #expect(arrive(&pending, 1, gateway) == [])
        var closed: [UInt64] = []
        for id in 2...1_000 as ClosedRange<UInt64> { closed += arrive(&pending, id, flood) }
        #expect(closed == Array(2...998), "oldest first, and never the gateway's")
        #expect(pending.count == 3)
    }

    @Test func manyAddressesCloseTheirOldestBeforeAKnownOnes() {
        var pending = PendingConnections(max: 8)
        #expect(arrive(&pending, 1, gateway) == [])
        pending.proved(1, now: 0)
        pending.left(1)
        #expect(arrive(&pending, 2, gateway) == [])
        var closed: [UInt64] = []
        for id in 3...1_000 as ClosedRange<UInt64> { closed += arrive(&pending, id, 100 + id) }
        #expect(closed.first == 3 && closed.count == 991 && !closed.contains(2))
        #expect(pending.count == 8)
    }

    @Test func aKnownAddressMayHaveAllPlaces() {
        var pending = PendingConnections(max: 8)
        _ = arrive(&pending, 1, gateway)
        pending.proved(1, now: 0)
        pending.left(1)
        for id in 2...9 as ClosedRange<UInt64> { #expect(arrive(&pending, id, gateway) == []) }
        #expect(arrive(&pending, 10, gateway) == [2])
    }

    @Test func oneThatIsProvedOrAnsweredTakesItsTurn() {
        var pending = PendingConnections(max: 4)
        for id in 1...4 as ClosedRange<UInt64> { _ = arrive(&pending, id, 10 + id) }
        pending.proved(1, now: 0)
        pending.proved(2, now: 0)
        pending.answered(2)
        #expect(arrive(&pending, 5, 15) == [2], "what was answered goes first")
        #expect(arrive(&pending, 6, 16) == [3], "then the oldest silent one")
        pending.proved(4, now: 0)
        pending.proved(5, now: 0)
        pending.proved(6, now: 0)
        #expect(arrive(&pending, 7, 17) == [7], "what showed a valid mac goes last")
        pending.arrived(8, from: 18, now: 0)
        pending.proved(8, now: 0)
        #expect(pending.surplus(now: 0) == 1)
    }

    @Test func anAddressThatProvesItselfTakesItsEarlierConnectionsAlong() {
        var pending = PendingConnections(max: 4)
        #expect(arrive(&pending, 1, gateway) == [])
        #expect(arrive(&pending, 2, 10) == [])
        #expect(arrive(&pending, 3, 11) == [])
        pending.arrived(4, from: gateway, now: 0)
        pending.proved(4, now: 0)
        #expect(arrive(&pending, 5, 12) == [2])
    }

    @Test func anAddressIsForgottenInTime() {
        var pending = PendingConnections(max: 8)
        _ = arrive(&pending, 1, gateway)
        pending.proved(1, now: 0)
        pending.left(1)
        let late = PendingConnections.knownMilliseconds
        for id in 2...3 as ClosedRange<UInt64> { #expect(arrive(&pending, id, gateway, now: late) == []) }
        #expect(arrive(&pending, 4, gateway, now: late) == [2])
        #expect(PendingConnections.shareDivisor == 4)
    }

    @Test func knownAddressesAreBoundedAndTheOldestGoes() {
        var pending = PendingConnections(max: 8)
        for address in 0...UInt64(PendingConnections.knownAddressesMax) {
            _ = arrive(&pending, address + 1, address, now: address)
            pending.proved(address + 1, now: address)
            pending.left(address + 1)
        }
        let now = UInt64(PendingConnections.knownAddressesMax)
        func share(_ address: UInt64, from id: UInt64) -> Int {
            (id..<(id + 3)).reduce(0) { $0 + arrive(&pending, $1, address, now: now).count }
        }
        #expect(share(0, from: 10_000) == 1, "a stranger again")
        #expect(share(1, from: 10_010) == 0)
    }

    /// What comes and goes without a flood leaves nothing behind.
    @Test func aLongLifeKeepsLittle() {
        var pending = PendingConnections(max: 1_024)
        for id in 1...100_000 as ClosedRange<UInt64> {
            #expect(arrive(&pending, id, gateway) == [])
            pending.left(id)
        }
        #expect(pending.count == 0)
        #expect(pending.surplus(now: 0) == nil)
    }
}

@Suite struct PeerBoundsTests {
    @Test func aCopyIsKnownWhileItsNonceIsRemembered() {
        var seen = SeenNonces()
        for number in 0..<SeenNonces.noncesMax { #expect(seen.insert("\(number)") == true) }
        #expect(seen.insert("0") == false)
        #expect(seen.insert("one more") == true)
        #expect(seen.insert("0") == true, "the oldest was forgotten for it")
        #expect(seen.insert("2") == false)
    }

    @Test func aPeerIsNewsOnceAMinute() {
        var notices = PeerNotices()
        #expect(notices.isNews(1, now: 0) == true)
        #expect(notices.isNews(1, now: PeerNotices.intervalMilliseconds - 1) == false)
        #expect(notices.isNews(1, now: PeerNotices.intervalMilliseconds) == true)
    }

    @Test func newsAreBoundedHoweverManyPeersThereAre() {
        var notices = PeerNotices()
        let told = (1...10_000).count { notices.isNews(UInt64($0), now: 0) }
        #expect(told == PeerNotices.peersMax)
        #expect(notices.isNews(1, now: PeerNotices.intervalMilliseconds) == true)
    }
}
