import QueueCore
import Testing

@Suite struct OutageLogTests {
    @Test func tellsEachReasonOnceAnOutage() {
        var log = OutageLog()
        var news = [log.recovered()]
        for reason in ["refused", "refused", "timed out", "refused"] { news.append(log.failed(reason)) }
        #expect(news == [false, true, false, true, false])
        news = [log.recovered(), log.recovered(), log.failed("refused")]
        #expect(news == [true, false, true])
    }

    @Test func neverTellsMoreThanSoMany() {
        var log = OutageLog()
        var told = 0
        for number in 0..<100 where log.failed("\(number)") { told += 1 }
        #expect(told == OutageLog.reasonsMax)
    }
}
