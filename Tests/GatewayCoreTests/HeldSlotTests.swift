import QueueCore
import Testing

@testable import GatewayCore

@Suite struct HeldSlotTests {
    private let lease = LeaseID(waiter: waiterID(1), attempt: 1)
    private let head = Array("HTTP/1.1 101 Switching Protocols\r\nX-Berth-Lease: board-1\r\n\r\n".utf8)
    private var opening: [UInt8] { APIAnswer.held(lease, name: "board-1") }

    private func last(_ reason: String) -> [UInt8] { APIAnswer.heldNoMore(lease, reason: reason) }

    @Test func theFirstLineNamesTheSlotHoweverTheAnswerArrives() {
        for cut in 1..<head.count {
            var slot = HeldSlot(lease)
            #expect(slot.answered(head[..<cut]) == .none && slot.lineDue() == .none, "\(cut)")
            #expect(slot.answered(head[cut...]) == .write(opening), "\(cut)")
            #expect(slot.lineDue() == .write([0x0A]))
        }
        let text = String(decoding: opening, as: UTF8.self)
        #expect(text.hasPrefix("HTTP/1.1 201 Created\r\n") && !text.lowercased().contains("content-length"))
        #expect(text.hasSuffix("{\"id\":\"\(lease)\",\"lease\":\"board-1\"}\n"))
    }

    @Test func theWorkersCloseIsTheLastLineHoweverItArrives() {
        let frames = [0x8A, 2, 1, 2] + FrameCursor.close(code: 1_001, reason: "the ttl is over")
        for cut in 0..<frames.count {
            var slot = HeldSlot(lease)
            #expect(slot.answered(head + frames[..<cut]) == .write(opening), "\(cut)")
            #expect(slot.answered(frames[cut...]) == .end(last("the ttl is over")), "\(cut)")
            #expect(slot.state == .over && slot.workerEnded() == .none && slot.lineDue() == .none)
        }
        var slot = HeldSlot(lease)
        #expect(slot.answered(head + frames) == .end(opening + last("the ttl is over")))
    }

    @Test(arguments: [[0x88, 0], [0x88, 2, 3, 0xE8]] as [[UInt8]])
    func aCloseWithoutWordsHasWords(_ frame: [UInt8]) {
        var slot = HeldSlot(lease)
        #expect(slot.answered(head + frame) == .end(opening + last("The worker closed the session")))
    }

    @Test(arguments: [[0x81, 1, 65], [0x08, 0], [0x88, 126], [0x89, 0x80]] as [[UInt8]])
    func anotherFrameEndsTheSession(_ frame: [UInt8]) {
        var slot = HeldSlot(lease)
        #expect(slot.answered(head) == .write(opening))
        #expect(slot.answered(frame) == .end(last("The worker sent something that Berth does not know")))
    }

    @Test func aWorkerThatEndsEarlyIsARefusalAndALateEndALine() {
        var early = HeldSlot(lease)
        #expect(early.workerEnded() == .refuse(.workerLost) && early.state == .over)
        var late = HeldSlot(lease)
        #expect(late.answered(head) == .write(opening))
        #expect(late.workerEnded() == .end(last("The worker ended before the session did")))
        var other = HeldSlot(lease)
        guard case .refuse(let refusal) = other.answered(Array("HTTP/1.1 404 Not Found\r\n\r\n".utf8)) else {
            Issue.record("it is refused")
            return
        }
        #expect(refusal.code == .workerFailed)
    }

    @Test func theDrainEndsIt() {
        var early = HeldSlot(lease)
        #expect(early.drainTimePassed() == .refuse(.shuttingDown))
        var late = HeldSlot(lease)
        #expect(late.answered(head) == .write(opening))
        #expect(late.drainTimePassed() == .end(last(Refusal.shuttingDown.message)))
        #expect(late.drainTimePassed() == .none && late.answered(head) == .none)
    }

    @Test func nothingIsToldToABorrowerThatLeft() {
        var slot = HeldSlot(lease)
        #expect(slot.answered(head) == .write(opening))
        slot.ended()
        #expect(slot.workerEnded() == .none && slot.lineDue() == .none && slot.answered([0x88, 0]) == .none)
    }
}
