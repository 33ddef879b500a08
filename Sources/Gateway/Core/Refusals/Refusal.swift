import HTTPCore
import QueueCore

/// An answer that ends a request without a slot: a row of `RefusalCode`'s table, with the words for this request.
///
/// The words tell the user what to do next. Playwright shows them verbatim.
public struct Refusal: Error, Hashable, Sendable {
    public let code: RefusalCode
    public let status: Int
    public let message: String
    /// Why a wait that timed out had no slot; nil for other refusals.
    public let reason: Place.Reason?
    /// Header lines of this request; those of the table are sent too.
    public let headers: [String]

    public init(
        _ code: RefusalCode, _ message: String, reason: Place.Reason? = nil, status: Int? = nil, headers: [String] = []
    ) {
        let row = code.row
        self.code = code
        self.status = status.flatMap { row.statuses.contains($0) ? $0 : nil } ?? row.statuses[0]
        self.message = message
        self.reason = reason
        self.headers = headers
    }

    static func badRequest(_ message: String, status: Int = 400) -> Refusal {
        Refusal(.badRequest, message, status: status)
    }

    /// The request cannot be read.
    package init(_ fault: HTTPFault) {
        switch fault.kind {
        case .malformed: self.init(.badRequest, fault.message, status: fault.status)
        case .headTooLarge: self.init(.headTooLarge, fault.message)
        }
    }

    /// For a path that is served by another method.
    static func wrongMethod(_ method: String, allowed: String) -> Refusal {
        Refusal(
            .badRequest, "\(method) is not served on this path; use \(allowed)", status: 405,
            headers: ["Allow: \(allowed)"])
    }

    /// The message, with the time after which a retry may succeed.
    func words(retryAfterSeconds: Int) -> String {
        code.row.retries ? "\(message); retry in \(retryAfterSeconds) s" : message
    }

    /// The whole answer. The caller writes it and closes the connection.
    /// - Parameter retryAfterSeconds: sent only if a retry can succeed, by the table.
    public func response(retryAfterSeconds: Int) -> [UInt8] {
        let retries = code.row.retries
        let words = words(retryAfterSeconds: retryAfterSeconds)
        var body = "{\"error\":{\"code\":\(jsonString(code.rawValue)),\"message\":\(jsonString(words))"
        if let reason { body += ",\"reason\":\(jsonString(reason.rawValue))" }
        if retries { body += ",\"retryAfterSeconds\":\(retryAfterSeconds)" }
        body += "}}"
        var lines = code.row.headers + headers
        if retries { lines.append("Retry-After: \(retryAfterSeconds)") }
        if let reason { lines.append("x-berth-reason: \(reason.rawValue)") }
        lines.append("x-playwright-debug-log: \(headerText(words))")
        return httpResponse(status: status, headers: lines, body: body)
    }
}
