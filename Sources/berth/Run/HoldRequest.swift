import HTTPCore

/// The requests of `berth run`.
public struct HoldRequest: Hashable, Sendable {
    public let address: GatewayAddress
    let token: String?
    public let label: String
    let run: String?
    let ttlMilliseconds: Int?
    let priorityMilliseconds: Int?

    public init(
        address: GatewayAddress, token: String?, label: String, run: String?, ttlMilliseconds: Int?,
        priorityMilliseconds: Int?
    ) {
        self.address = address
        self.token = token
        self.label = label
        self.run = run
        self.ttlMilliseconds = ttlMilliseconds
        self.priorityMilliseconds = priorityMilliseconds
    }

    /// Asks for a slot.
    /// - Parameter alias: the waiter's, the same for each attempt.
    public func hold(alias: String, waitMilliseconds: UInt64) -> [UInt8] {
        var fields = ["\"hold\":true", "\"waiter\":\(jsonString(alias))", "\"wait\":\"\(waitMilliseconds)ms\""]
        if !label.isEmpty { fields.append("\"label\":\(jsonString(label))") }
        if let run { fields.append("\"run\":\(jsonString(run))") }
        if let ttlMilliseconds { fields.append("\"ttl\":\"\(ttlMilliseconds)ms\"") }
        if let priorityMilliseconds { fields.append("\"priority\":\"\(priorityMilliseconds)ms\"") }
        let body = "{\(fields.joined(separator: ","))}"
        return head("POST /v1/sessions", ["Content-Type: application/json", "Content-Length: \(body.utf8.count)"])
            + body.utf8
    }

    /// Asks for the place in line.
    public func place(alias: String) -> [UInt8] { head("GET /v1/waiters/\(alias)", []) }

    /// The session in the API.
    public func url(ofSession id: String) -> String { "\(address.url)/v1/sessions/\(id)" }

    private func head(_ request: String, _ more: [String]) -> [UInt8] {
        var lines = ["\(request) HTTP/1.1", "Host: \(address.authority)"] + more
        if let token { lines.append("Authorization: Bearer \(headerText(token))") }
        return Array((lines.map { $0 + "\r\n" }.joined() + "\r\n").utf8)
    }
}
