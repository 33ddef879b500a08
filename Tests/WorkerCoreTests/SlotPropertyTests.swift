import QueueCore
import Testing

@testable import WorkerCore

/// SplitMix64: the same sequence for the same seed, everywhere.
private struct Randomness {
    var seed: UInt64
    mutating func below(_ bound: Int) -> Int {
        seed &+= 0x9E37_79B9_7F4A_7C15
        var z = seed
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((z ^ (z >> 31)) % UInt64(bound))
    }
}

@Suite struct SlotPropertyTests {
    /// Random events, sensible or not: at most one occupant, tokens of proofs strictly increase, the last token never
    /// falls, whoever got in is vacated once, and a slot with a fit sidecar always comes back.
    @Test(arguments: 0..<200) func randomEvents(seed: Int) {
        var random = Randomness(seed: UInt64(seed))
        var slot = Slot()
        var proofs: [Token] = []
        var begun: Set<LeaseID> = []
        var vacated: Set<LeaseID> = []
        var last = Token.none
        for step in 0..<400 {
            let token = Token(epoch: 1 + Int64(random.below(2)), number: Int64(step / 4 + random.below(8) + 1))
            // Mostly words for the present occupant, some for another.
            let aimed: Token
            switch slot.state {
            case .offered(let offer) where random.below(4) > 0: aimed = offer.token
            case .occupied(_, let held) where random.below(4) > 0: aimed = held
            default: aimed = token
            }
            let lease = LeaseID(waiter: WaiterID(high: 0, low: UInt64(step)), attempt: 1)
            let holder = slot.lease
            var left: Slot.Vacated?
            switch random.below(12) {
            case 0, 1:
                if slot.presented(lease, token) == .begin {
                    #expect(holder == nil)
                    begun.insert(lease)
                }
            case 2, 3: if slot.acceptCommitted(aimed) == .prove { proofs.append(aimed) }
            case 4, 5: if slot.sidecarConnected(aimed) == .prove { proofs.append(aimed) }
            case 6: left = random.below(2) == 0 ? slot.acceptEnded(aimed) : slot.acceptFailed(aimed)
            case 7: left = slot.sidecarUnreachable(aimed)
            case 8: left = random.below(2) == 0 ? slot.gatewayClosed(aimed) : slot.sessionEnded(aimed)
            case 9: left = holder.flatMap { slot.closeOrdered($0) }
            case 10:
                left = slot.sidecarLost(isOut: random.below(3) == 0)
                if random.below(4) == 0 { _ = slot.takeOut() }
            default:
                _ = slot.recycleNoticed(token)
                _ = slot.sidecarReady()
            }
            if let left {
                #expect(left.lease == holder)
                #expect(vacated.insert(left.lease).inserted)
            }
            #expect(slot.lastToken >= last)
            last = slot.lastToken
        }
        #expect(zip(proofs, proofs.dropFirst()).allSatisfy { $0 < $1 })
        #expect(begun == vacated.union(slot.lease.map { [$0] } ?? []))

        if let lease = slot.lease { _ = slot.closeOrdered(lease) }
        _ = slot.sidecarReady()
        #expect(slot.state == .free)
        #expect(slot.drain() == true)
        #expect(slot.state == .draining)
    }

    @Test func aTableOfSlots() throws {
        let pool = try #require(Pool("a:b|chromium|1.65|raw"))
        var table = SlotTable(pools: [pool, pool, pool])
        for index in table.indices { _ = table[index].sidecarReady() }
        let lease = LeaseID(waiter: WaiterID(high: 1, low: 1), attempt: 1)
        let token = Token(epoch: 1, number: 1)
        #expect(table[1].presented(lease, token) == .begin)
        #expect(table.index(of: lease) == 1)
        #expect(table.rows.map(\.state) == [.free, .free])
        _ = table[1].acceptCommitted(token)
        #expect(table.count(.leased) == 1)
        #expect(table.count(.free) == 2)
        #expect(table.leases == [lease])
        #expect(table.drain() == [0, 2])
        #expect(!table.isVacant)
        _ = table[1].sidecarConnected(token)
        #expect(table[1].sessionEnded(token)?.sidecar == .stop)
        #expect(table.isVacant)
        #expect(table.drain() == [])
    }
}
