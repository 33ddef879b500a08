import QueueCore
import Testing

@Suite struct WireTests {
    static let mac = String(repeating: "a", count: 64)
    static let nonce = String(repeating: "0", count: 32)
    static let grant = Wire.GrantRequest(
        fleet: "default", worker: ProcessID(node: "w", generation: 1)!, slot: 3,
        lease: LeaseID(waiter: WaiterID(high: 1, low: 2), attempt: 4), attach: 1, token: Token(epoch: 9, number: 8),
        bounds: SessionBounds(ttlMilliseconds: 60_000, idleMilliseconds: nil), nonce: nonce)
    static let probe = Wire.ProbeRequest(fleet: "default", worker: ProcessID(node: "w", generation: 1)!, nonce: nonce)

    /// Without its CRLF, which is one Character.
    private func line(_ text: String) -> String { String(text.dropLast()) }

    @Test func linesAreReadAsComposed() {
        let composed = Wire.line(signed: Self.grant.signed, mac: Self.mac)
        #expect(composed.hasSuffix("\r\n") && composed.utf8.count <= Wire.lineMax)
        #expect(Wire.request(line: line(composed)) == .grant(Self.grant, mac: Self.mac))
        #expect(
            Wire.request(line: line(Wire.line(signed: Self.probe.signed, mac: Self.mac)))
                == .probe(Self.probe, mac: Self.mac))
        #expect(Wire.answer(line: line(Wire.proofLine(mac: Self.mac))) == .proof(mac: Self.mac))
        #expect(Wire.answer(line: line(Wire.aliveLine(mac: Self.mac))) == .alive(mac: Self.mac))
        for reason in RejectReason.allCases {
            #expect(Wire.answer(line: line(Wire.rejectLine(reason, mac: Self.mac))) == .reject(reason, mac: Self.mac))
        }
    }

    @Test func whatIsSignedTellsAnswersApart() {
        var signed = [Self.grant.signed, Self.grant.proofSigned, Self.probe.signed, Self.probe.aliveSigned]
        signed += RejectReason.allCases.map { Self.grant.rejectSigned($0) }
        #expect(Set(signed).count == signed.count)
    }

    /// Each word left out, emptied, doubled or replaced, and the line with blanks around it.
    @Test(arguments: [
        Wire.line(signed: grant.signed, mac: mac), Wire.line(signed: probe.signed, mac: mac),
    ]) func anythingElseIsRefused(composed: String) {
        let words = line(composed).split(separator: " ").map(String.init)
        #expect(Wire.request(line: words.joined(separator: " ")) != nil)
        func refuse(_ words: [String]) {
            let text = words.joined(separator: " ")
            #expect(Wire.request(line: text) == nil, "\(text)")
        }
        for index in words.indices {
            var changed = words
            changed.remove(at: index)
            refuse(changed)
            changed = words
            changed[index] = ""
            refuse(changed)
            changed = words
            changed.insert(words[index], at: index)
            refuse(changed)
            for odd in ["-1", "+1", "é", "a\tb", "1e3", "0x1", String(repeating: "9", count: 19), "a:b", "BERTH2"]
            where words[index] != odd && !(index == 2 && isName(odd)) {
                changed = words
                changed[index] = odd
                refuse(changed)
            }
        }
        refuse([""] + words)
        refuse(words + [""])
        refuse(words.map { $0.lowercased() })
        var upper = words
        upper[words.count - 1] = Self.mac.uppercased()
        refuse(upper)
        #expect(Wire.answer(line: line(composed)) == nil)
    }

    @Test(arguments: [
        "", "BERTH1", "BERTH1 PROOF", "BERTH1 PROOF \(mac) x", "BERTH1 PROOF  \(mac)", "BERTH2 PROOF \(mac)",
        "BERTH1 ALIVE \(mac) ",
        " BERTH1 ALIVE \(mac)", "BERTH1 REJECT \(mac)", "BERTH1 REJECT odd \(mac)", "BERTH1 REJECT stale x \(mac)",
        "BERTH1 proof \(mac)", "BERTH1 PROOF \(mac.dropLast())", "BERTH1 PROOF \(mac.dropLast())g",
        "HTTP/1.1 101 Switching Protocols",
    ]) func anyOtherAnswerIsRefused(text: String) {
        #expect(Wire.answer(line: text) == nil)
    }
}
