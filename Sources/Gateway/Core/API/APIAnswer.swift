import HTTPCore
import QueueCore

/// The answers of the API. Times are in seconds with three decimals.
public enum APIAnswer {
    /// A slot is lent.
    /// - Parameter expiresAt: when the slot is given back if nobody connects.
    public static func lent(_ lease: LeaseID, url: String, expiresAt: String) -> [UInt8] {
        answer(
            201,
            "{\"id\":\(jsonString(lease.description)),\"url\":\(jsonString(url)),\"expiresAt\":\(jsonString(expiresAt))}"
        )
    }

    /// A slot is held by this response. More lines follow, and the response has no length (RFC 9112 section 6.3).
    /// - Parameter name: the worker's name for the slot.
    static func held(_ lease: LeaseID, name: String) -> [UInt8] {
        Array(
            ("HTTP/1.1 201 Created\r\nContent-Type: application/x-ndjson\r\nCache-Control: no-store\r\n"
                + "X-Accel-Buffering: no\r\nConnection: close\r\n\r\n"
                + "{\"id\":\(jsonString(lease.description)),\"lease\":\(jsonString(name))}\n").utf8)
    }

    /// The last line of a response that holds a slot.
    static func heldNoMore(_ lease: LeaseID, reason: String) -> [UInt8] {
        Array("{\"id\":\(jsonString(lease.description)),\"ended\":\(jsonString(reason))}\n".utf8)
    }

    public static func session(_ record: SessionRecord) -> [UInt8] { answer(200, text(record)) }

    public static func sessions(_ records: [SessionRecord]) -> [UInt8] {
        answer(200, "{\"sessions\":[\(records.map(text).joined(separator: ","))]}")
    }

    public static func waiter(_ place: Place) -> [UInt8] {
        let fields = [
            "\"id\":\(place.waiter.map { jsonString($0.text) } ?? "null")", "\"state\":\(jsonString(place.state))",
            "\"session\":\(place.lease.map { jsonString($0.description) } ?? "null")",
        ]
        return answer(200, "{\((fields + line(place)).joined(separator: ","))}")
    }

    public static func estimate(_ place: Place) -> [UInt8] {
        answer(200, "{\(line(place).joined(separator: ","))}")
    }

    public static func usage(_ days: [DayOfUse], of tenant: String) -> [UInt8] {
        let rows = days.map { day in
            let use = day.use
            return "{\"day\":\(jsonString(day.date)),\"heldSeconds\":\(seconds(use.heldMilliseconds)),"
                + "\"waitedSeconds\":\(seconds(use.waitedMilliseconds)),\"sessions\":\(use.sessions),"
                + "\"refusals\":\(use.refusals)}"
        }
        return answer(200, "{\"tenant\":\(jsonString(tenant)),\"days\":[\(rows.joined(separator: ","))]}")
    }

    /// How many waiters and sessions ended, or were ordered to end.
    public static func ended(count: Int) -> [UInt8] { answer(200, "{\"ended\":\(count)}") }

    public static let ended = httpResponse(status: 204, body: "")

    private static func answer(_ status: Int, _ body: String) -> [UInt8] { httpResponse(status: status, body: body) }

    /// Null stands for what is not known, such as the wait of somebody who does not wait any more.
    private static func line(_ place: Place) -> [String] {
        let waits = place.reason != nil
        return [
            "\"ahead\":\(waits ? "\(place.ahead)" : "null")",
            "\"aheadOfTenant\":\(waits ? "\(place.aheadOfTenant)" : "null")",
            "\"oldestSeconds\":\(waits ? seconds(place.oldestMilliseconds) : "null")",
            "\"waitedSeconds\":\(waits ? seconds(place.waitedMilliseconds) : "null")",
            "\"reason\":\(place.reason.map { jsonString($0.rawValue) } ?? "null")",
            "\"estimatedSeconds\":\(place.estimateMilliseconds.map(seconds) ?? "null")",
        ]
    }

    private static func text(_ record: SessionRecord) -> String {
        func optional(_ text: String?) -> String { text.flatMap { $0.isEmpty ? nil : jsonString($0) } ?? "null" }
        let fields = [
            "\"id\":\(optional(record.lease?.description))", "\"waiter\":\(jsonString(record.waiter.text))",
            "\"state\":\(jsonString(record.state))", "\"label\":\(optional(record.pool?.label.description))",
            "\"browser\":\(optional(record.pool?.browser))", "\"version\":\(optional(record.pool?.version))",
            "\"protocol\":\(optional(record.pool?.slotProtocol.rawValue))",
            "\"worker\":\(optional(record.worker?.text))", "\"run\":\(optional(record.run))",
            "\"alias\":\(optional(record.alias))",
            "\"expiresSeconds\":\(record.remainingMilliseconds.map(seconds) ?? "null")",
        ]
        return "{\(fields.joined(separator: ","))}"
    }

    private static func seconds(_ milliseconds: Int) -> String {
        let rest = String(milliseconds % 1_000)
        return "\(milliseconds / 1_000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
    }
}
