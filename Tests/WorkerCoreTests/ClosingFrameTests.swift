import Testing
import WorkerCore

@Suite struct ClosingFrameTests {
    private func frame(_ payload: Int) -> [UInt8] {
        [0x88, 0x80 | UInt8(payload), 1, 2, 3, 4] + Array(repeating: 7, count: payload)
    }

    @Test(arguments: [0, 2, 125]) func aCloseFrameAtTheEnd(payload: Int) {
        #expect(frame(payload).count <= ClosingFrame.bytesMax)
        #expect(ClosingFrame.ends(frame(payload)))
        #expect(ClosingFrame.ends([0x81, 0x81, 0, 0, 0, 0, 0x61] + frame(payload)))
    }

    @Test func anythingElse() {
        #expect(!ClosingFrame.ends([]))
        #expect(!ClosingFrame.ends([0x81, 0x81, 0, 0, 0, 0, 0x61]), "text")
        #expect(!ClosingFrame.ends([0x88, 0x02, 3, 232]), "without a mask: a server's")
        #expect(!ClosingFrame.ends(frame(2) + [0x89, 0x80, 0, 0, 0, 0]), "a ping behind it")
    }
}
