import QueueCore
import Testing

@testable import Terminal

/// The first lines of `berth top`: is anybody waiting who should not be, and why?
@Suite struct WaitReportTests {
    private func report(_ rows: [[String]]) -> WaitReport { WaitReport(Fleets.view(rows)) }

    @Test func nobodyWaits() {
        let report = report([
            Fleets.head(), Fleets.worker(), Fleets.slot(0), Fleets.slot(1, "leased"), ["gateway", "g.1", "0", "0", ""],
        ])
        #expect(report.summary == ["2 slots: 1 free, 1 leased; 1 worker, 1 gateway", "Nobody waits."])
        #expect(report.concerns.isEmpty)
    }

    @Test func anEmptyFleetIsNoConcern() {
        #expect(report([Fleets.head()]).summary == ["0 slots; 0 workers, 0 gateways", "Nobody waits."])
    }

    @Test func whoWaitsForSlotsInUseOrForItsCapWaitsAsItShould() {
        let report = report([
            Fleets.head(waiting: 5, oldest: 200), ["setting", "tenant:acme", "1,10,1,0,1,0"], Fleets.worker(),
            Fleets.slot(0, "leased"), Fleets.slot(1, "recycling"), Fleets.queue("acme", 2), Fleets.queue("other", 3),
        ])
        #expect(
            report.summary[1]
                == "5 clients wait, the first for 3m20s: 3 while all slots are in use, 2 at a tenant's cap.")
        #expect(report.concerns.isEmpty)
    }

    @Test func aPoolWithoutAWorkerIsNamed() {
        let report = report([
            Fleets.head(waiting: 1, oldest: 61), Fleets.worker(), Fleets.slot(0),
            Fleets.queue("a", 1, pools: "", selector: "y|||raw"),
        ])
        #expect(report.summary[1] == "1 client waits, the first for 1m1s: 1 who should not.")
        #expect(report.concerns == ["1 client waits for y (raw), and no worker serves it"])
    }

    @Test func aPauseIsNamedAsItWasOrdered() {
        let rows = [Fleets.head(waiting: 2, oldest: 9), Fleets.worker(), Fleets.slot(0), Fleets.queue("a", 2)]
        #expect(
            report(rows + [["setting", "pause:x", "1"]]).concerns
                == ["2 clients wait for x, which is paused: berth resume x"])
        #expect(
            report(rows + [["setting", "pause:\(Fleets.pool)", "1"]]).concerns
                == ["2 clients wait for x (chromium 1.65 playwright), which is paused: berth resume '\(Fleets.pool)'"])
    }

    @Test func slotsThatAreNotReachedOrOutAreNamedWithTheirWorker() {
        let rows = [Fleets.head(waiting: 4, oldest: 9), Fleets.queue("a", 4)]
        let probing = report(rows + [Fleets.worker(state: "probing"), Fleets.slot(0), Fleets.slot(1)])
        #expect(probing.summary[1].hasSuffix(": 2 while all slots are in use, 2 who should not."))
        #expect(
            probing.concerns == [
                "4 clients wait for x (chromium 1.65 playwright), and 2 free slots of w1 (probing) get no clients"
            ])
        let out = report(
            rows + [Fleets.worker(trouble: "no \u{1B}[31mchromium"), Fleets.slot(0, "out"), Fleets.slot(1, "leased")])
        #expect(
            out.concerns == [
                "4 clients wait for x (chromium 1.65 playwright), and 1 slot is out at w1 (ok): no \\u{1b}[31mchromium"
            ])
    }

    /// A slice is exact at its time only: a slot and its next client may be seen apart for a moment.
    @Test func aFreeSlotIsAConcernOnlyAfterAWhile() {
        func concerns(_ oldest: Int) -> [String] {
            report([
                Fleets.head(waiting: 1, oldest: oldest), Fleets.worker(), Fleets.slot(0),
                Fleets.queue("a", 1, oldest: oldest),
            ])
            .concerns
        }
        #expect(concerns(2).isEmpty)
        #expect(concerns(3) == ["1 client waits for x (chromium 1.65 playwright), and 1 slot of it is free"])
    }

    @Test func aCapOfZeroAndASuspendedGatewayAreNamed() {
        let report = report([
            Fleets.head(waiting: 1, oldest: 9), ["setting", "tenant:a", "0,10,1,0,1,0"], Fleets.worker(),
            Fleets.slot(0),
            Fleets.queue("a", 1), ["gateway", "g.1", "3", "3", "pubsub"],
        ])
        #expect(report.summary[1].hasPrefix("4 clients wait") && report.summary[1].hasSuffix(": 4 who should not."))
        #expect(
            report.concerns == [
                "1 client waits of a, whose cap is 0: berth cap a 1",
                "3 clients wait at gateway g.1, which is suspended: pubsub",
            ])
    }

    @Test func lostDataExplainsAllWaits() {
        let report = report([Fleets.head(waiting: 2, oldest: 9, recovering: true), Fleets.queue("a", 2, pools: "")])
        #expect(
            report.concerns == [
                "Redis lost data: no slot is granted until processes have declared again what they hold"
            ])
    }

    @Test func manyOfAKindAreCounted() {
        let queues = (1...6).map { Fleets.queue("a", $0, pools: "", selector: "y\($0)|||") }
        let concerns = report([Fleets.head(waiting: 21, oldest: 9)] + queues).concerns
        #expect(concerns.count == 4 && concerns[0].hasPrefix("6 clients wait for y6,"))
        #expect(concerns[3] == "6 clients wait for 3 others like these")
    }
}
