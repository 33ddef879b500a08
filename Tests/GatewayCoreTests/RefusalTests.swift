import HTTPCore
import QueueCore
import Testing

@testable import GatewayCore

@Suite struct RefusalTests {
    /// Code, statuses, close code: the table as users know it.
    static let table: [(RefusalCode, [Int], Int?)] = [
        (.badRequest, [400, 405, 411, 413], 1008), (.unauthorized, [401], 1008), (.forbidden, [403], 1008),
        (.notFound, [404], nil), (.unknownPool, [404], 1008), (.headTimeout, [408], nil),
        (.headTooLarge, [431], nil), (.aliasTaken, [409], 1008), (.alreadyAttached, [409], 1008), (.gone, [410], 1001),
        (.upgradeRequired, [426], nil), (.versionMismatch, [428], 1008), (.tenantConnections, [429], 1013),
        (.tenantQueueFull, [429], 1013),
        (.queueFull, [429], 1013), (.tooManySelectors, [429], 1013), (.wouldWait, [429], 1013),
        (.workerFailed, [502], 1011), (.waitTimeout, [503], 1013), (.shuttingDown, [503], 1012),
        (.storeUnavailable, [503], 1012), (.gatewayFull, [503], 1012),
    ]

    @Test func hasEachRow() {
        #expect(Set(Self.table.map(\.0)) == Set(RefusalCode.allCases))
        for (code, statuses, close) in Self.table {
            #expect(code.row.statuses == statuses, "\(code)")
            #expect(code.row.closeCode == close, "\(code)")
        }
    }

    @Test(arguments: RefusalCode.allCases)
    func composesEachAnswer(_ code: RefusalCode) {
        for status in code.row.statuses {
            let answer = String(
                decoding: Refusal(code, "Say \"why\"\r\nX: y \u{1F6AB}", status: status).response(retryAfterSeconds: 9),
                as: UTF8.self)
            let parts = answer.split(separator: "\r\n\r\n", maxSplits: 1)
            let lines = parts[0].split(separator: "\r\n").map(String.init)
            #expect(lines[0].hasPrefix("HTTP/1.1 \(status) "))
            #expect(!lines[0].hasSuffix(" Error"))
            #expect(lines.contains("Content-Length: \(parts[1].utf8.count)"))
            #expect(lines.last?.hasPrefix("Connection: close") == true)
            #expect(lines.contains("Retry-After: 9") == code.row.retries)
            #expect(!lines.contains { $0.hasPrefix("X: y") })
            let words = "Say \\\"why\\\"\\r\\nX: y \u{1F6AB}" + (code.row.retries ? "; retry in 9 s" : "")
            let seconds = code.row.retries ? ",\"retryAfterSeconds\":9" : ""
            #expect(parts[1] == "{\"error\":{\"code\":\"\(code.rawValue)\",\"message\":\"\(words)\"\(seconds)}}")
            let log = lines.first { $0.hasPrefix("x-playwright-debug-log: ") }
            #expect(log?.hasPrefix("x-playwright-debug-log: Say \"why\"??X: y ????") == true)
        }
    }

    @Test func addsWhatTheStatusAsksFor() {
        func lines(_ code: RefusalCode) -> String {
            String(decoding: Refusal(code, "x").response(retryAfterSeconds: 1), as: UTF8.self)
        }
        #expect(lines(.unauthorized).contains("\r\nWWW-Authenticate: Bearer"))
        #expect(lines(.upgradeRequired).contains("\r\nUpgrade: websocket\r\n"))
    }

    @Test func keepsToTheStatusesOfItsRow() {
        #expect(Refusal(.badRequest, "x", status: 418).status == 400)
    }

    @Test func escapesJSON() {
        #expect(
            jsonString("a\"b\\c\n\r\t\u{1}\u{7f}<&>\u{2028}é")
                == "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u007f\\u003c\\u0026\\u003e\\u2028é\"")
    }

    @Test func wordsTellWhatToDo() throws {
        let request = try admit(playwright("/?wait=120s", ["x-berth-tenant: acme"]))
        func message(_ end: WaitEnd) -> String? {
            end.refusal(for: request, waitedMilliseconds: 120_400, nil)?.message
        }
        #expect(message(.notQueued(.versionMismatch(versions: ["1.64", "1.66"])))?.contains("are 1.64, 1.66") == true)
        #expect(message(.notQueued(.versionMismatch(versions: ["1.64"])))?.contains("is 1.64") == true)
        #expect(message(.notQueued(.versionMismatch(versions: [])))?.contains("none of any version") == true)
        #expect(message(.left) == nil)
        let ends: [(WaitEnd, RefusalCode)] = [
            (.broke, .badRequest), (.timedOut(nil), .waitTimeout), (.shuttingDown, .shuttingDown),
            (.storeUnavailable, .storeUnavailable), (.workersFailed, .workerFailed),
            (.notQueued(.unknownPool), .unknownPool), (.notQueued(.tenantQueueFull(max: 3)), .tenantQueueFull),
            (.notQueued(.queueFull(max: 9)), .queueFull), (.notQueued(.tooManySelectors), .tooManySelectors),
            (.notQueued(.storeFull), .storeUnavailable), (.notQueued(.wouldWait), .wouldWait),
            (.notQueued(.aliasTaken), .aliasTaken), (.gone(.request), .gone), (.gone(.alias), .gone),
        ]
        for (end, code) in ends {
            let refusal = end.refusal(for: request, waitedMilliseconds: 1, nil)
            #expect(refusal?.code == code)
            #expect((refusal?.reason == nil) == (code != .waitTimeout))
        }
        let pools = PoolDirectory(["A:x|chromium|1.66|playwright", "b|||raw"].compactMap { Pool($0) })
        #expect(
            WaitEnd.notQueued(.unknownPool).refusal(for: request, waitedMilliseconds: 1, pools)?.message.hasSuffix(
                "; the pools are A:x (playwright), b (raw)") == true)
        let impatient = try admit(playwright("/?wait=0"))
        let late = WaitEnd.timedOut(nil).refusal(for: impatient, waitedMilliseconds: 2_000, nil)
        #expect(late?.code == .wouldWait && late?.reason == nil)
    }

    static let obstacles: [(Obstacle?, UInt64, String)] = [
        (Obstacle(.tenantCap, held: 5, cap: 5), 120_400, "in 120 s: tenant acme holds 5 of its 5"),
        (Obstacle(.capacity, held: 1, cap: 5), 119_990, "in 120 s: all slots that fit are in use"),
        (Obstacle(.noWorker), 2_004, "in 2 s: no worker that offers one is running; "),
        (Obstacle(.paused), 3, "in 1 s: an operator paused the pools that offer one"),
        (Obstacle(.recovering), 121_000, "in 120 s: the queue is restoring what its store lost, and grants nothing "),
        (nil, 121_000, "in 120 s: the queue's store did not answer"),
    ]

    @Test func aTimedOutWaitSaysWhy() throws {
        let request = try admit(playwright("/?wait=120s", ["x-berth-tenant: acme"]))
        #expect(Set(Self.obstacles.compactMap { $0.0?.reason }) == Set(Place.Reason.allCases))
        for (obstacle, waited, words) in Self.obstacles {
            let refusal = try #require(
                WaitEnd.timedOut(obstacle).refusal(for: request, waitedMilliseconds: waited, nil))
            #expect(
                refusal.message.hasPrefix("No chromium slot for Playwright 1.65 " + words), "\(refusal.message)")
            let reason = obstacle?.reason ?? .recovering
            #expect(refusal.reason == reason)
            let answer = String(decoding: refusal.response(retryAfterSeconds: 9), as: UTF8.self)
            #expect(answer.contains("\r\nx-berth-reason: \(reason.rawValue)\r\n"))
            #expect(answer.contains(",\"reason\":\"\(reason.rawValue)\",\"retryAfterSeconds\":9}}"))
        }
    }
}
