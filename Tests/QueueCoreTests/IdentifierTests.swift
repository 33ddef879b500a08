import QueueCore
import Testing

@Suite struct IdentifierTests {
    @Test func waiterIDs() {
        let id = WaiterID(high: 1, low: 0xABC)
        #expect(id.text == "00000000000000010000000000000abc")
        #expect(WaiterID(id.text) == id)
        let long = "0123456789abcdef0fedcba987654321"
        #expect(WaiterID(long) == WaiterID(high: 0x0123_4567_89AB_CDEF, low: 0x0FED_CBA9_8765_4321))
        #expect(WaiterID(long)?.text == long)
        for bad in [
            "", "0", String(repeating: "0", count: 31), String(repeating: "0", count: 33),
            String(repeating: "A", count: 32), String(repeating: "g", count: 32), String(repeating: "é", count: 16),
        ] {
            #expect(WaiterID(bad) == nil, "\(bad)")
        }
    }

    @Test func leaseIDs() {
        let waiter = WaiterID(high: 0, low: 7)
        let lease = LeaseID(waiter: waiter, attempt: 12)
        #expect(LeaseID(lease.description) == lease)
        for bad in [
            "", waiter.text, waiter.text + ".", waiter.text + ".0", waiter.text + ".-1", waiter.text + ".x",
            "." + waiter.text, "x.1", waiter.text + ".1.2",
        ] {
            #expect(LeaseID(bad) == nil, "\(bad)")
        }
    }

    @Test func processIDs() {
        let id = ProcessID(node: "rack.1-a_b", generation: 0xFF)!
        #expect(id.text == "rack.1-a_b.00000000000000ff" && id.node == "rack.1-a_b")
        #expect(ProcessID(id.text) == id)
        #expect(ProcessID(node: String(repeating: "n", count: 64), generation: 0) != nil)
        for bad in ["", "a b", "a:b", "a/b", "ä", String(repeating: "n", count: 65)] {
            #expect(ProcessID(node: bad, generation: 0) == nil, "\(bad)")
        }
        for bad in [
            "", "n", "n.", ".00000000000000ff", "n.00000000000000f", "n.00000000000000FF", "n 1.00000000000000ff",
        ] {
            #expect(ProcessID(bad) == nil, "\(bad)")
        }
    }

    @Test func tokensAreOrderedByEpochFirst() {
        #expect(Token(epoch: 1, number: 9) < Token(epoch: 2, number: 1))
        #expect(Token(epoch: 2, number: 1) < Token(epoch: 2, number: 2))
        #expect(Token.none < Token(epoch: 0, number: 1))
    }

    @Test func grantPayloads() {
        let lease = LeaseID(waiter: WaiterID(high: 0, low: 7), attempt: 1)
        let payload = "\(lease) w.00000000000000ff 3 1700000000000 42 [::1]:3131 a:b|chromium|1.65|raw"
        let grant = Grant(payload: payload)!
        #expect(
            grant.lease == lease && grant.slot == 3 && grant.address == "[::1]:3131"
                && grant.pool == "a:b|chromium|1.65|raw")
        #expect(grant.token == Token(epoch: 1_700_000_000_000, number: 42))
        let words = payload.split(separator: " ").map(String.init)
        for index in words.indices {
            var fewer = words
            fewer.remove(at: index)
            #expect(Grant(payload: fewer.joined(separator: " ")) == nil)
            if index == 6 { continue }
            var empty = words
            empty[index] = ""
            #expect(Grant(payload: empty.joined(separator: " ")) == nil, "field \(index) empty")
        }
        #expect(Grant(payload: payload + " more") == nil)
        #expect(Grant(payload: "collect") == nil)
    }
}
