import EventLoop
import Testing

@Suite struct LoopTests {
    @Test func timersFireInOrderAndOnce() throws {
        let loop = try Loop()
        var fired: [Int] = []
        loop.schedule(after: 20) { fired.append(2) }
        loop.schedule(after: 1) { fired.append(1) }
        loop.run()
        #expect(fired == [1, 2])
        #expect(loop.close())
    }

    @Test func closingWaitsForTheLookupOfANameThatNobodyWantsAnyMore() throws {
        for _ in 0..<20 {
            let loop = try Loop()
            resolveAll(loop: loop, host: "localhost", port: 1) { _ in }
            #expect(loop.close())
        }
    }

    @Test func repeatingTimerEndsByCancelInItsOwnBody() throws {
        let loop = try Loop()
        var count = 0
        var timer: EventLoop.Timer?
        timer = loop.schedule(after: 1, repeating: 1) {
            count += 1
            if count == 3 { timer?.cancel() }
        }
        loop.run()
        timer?.cancel()
        #expect(count == 3)
        #expect(loop.close())
    }

    @Test func cancelledTimerNeverFiresAndLetsItsBodyGo() throws {
        let loop = try Loop()
        weak var captured: Recorder?
        do {
            let recorder = Recorder()
            captured = recorder
            let timer = loop.schedule(after: 1) { recorder.ended = true }
            timer.cancel()
            timer.cancel()
        }
        #expect(captured == nil)
        loop.run()
        #expect(loop.close())
    }

    @Test func deferredBodiesRunAfterTheCallThatMadeThem() throws {
        let loop = try Loop()
        var order: [Int] = []
        loop.schedule(after: 0) {
            loop.afterThisTurn {
                order.append(2)
                loop.afterThisTurn { order.append(3) }
            }
            order.append(1)
        }
        loop.run()
        #expect(order == [1, 2, 3])
        #expect(loop.close())
    }

    @Test func stopEndsTheRunAndTheLoopCanRunAgain() throws {
        let loop = try Loop()
        var ticks = 0
        let timer = loop.schedule(after: 1, repeating: 1) {
            ticks += 1
            loop.stop()
        }
        loop.run()
        #expect(ticks == 1)
        loop.run()
        #expect(ticks == 2)
        timer.cancel()
        #expect(loop.close())
    }

    @Test func closeTellsOfALeakedHandle() throws {
        let loop = try Loop()
        let timer = loop.schedule(after: 60_000) {}
        #expect(!loop.close())
        timer.cancel()
        #expect(loop.close())
        #expect(loop.close())
    }

    @Test func runUntilGivesUpAtItsTimeout() throws {
        let loop = try Loop()
        let before = loop.now
        let held = loop.run(until: { false }, timeoutMilliseconds: 15)
        #expect(!held)
        #expect(loop.now >= before + 15)
        #expect(loop.close())
    }
}
