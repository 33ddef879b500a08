/// The words for a command that waits for its slot: place, reason and estimate.
public struct WaitingLine: Hashable, Sendable {
    public let words: String

    /// - Parameters:
    ///   - label: what the user asked for; empty for any.
    ///   - body: a gateway's answer to `GET /v1/waiters/<alias>`.
    /// - Returns: nil if the answer has no place in line.
    public init?(label: String, body: [UInt8]) {
        guard let fields = JSONLine(body), let reason = fields.text("reason") else { return nil }
        var parts: [String] = []
        if let ahead = fields.number("ahead") { parts.append("\(ahead) ahead") }
        parts.append(WaitingLine.why(reason))
        if let seconds = fields.number("estimatedSeconds") {
            parts.append("about \(WaitingLine.time(seconds: seconds)) more")
        }
        if let seconds = fields.number("waitedSeconds") {
            parts.append("waited \(WaitingLine.time(seconds: seconds))")
        }
        words = (label.isEmpty ? "waiting: " : "waiting for \(label): ") + parts.joined(separator: ", ")
    }

    private static func why(_ reason: String) -> String {
        switch reason {
        case "capacity": "all slots taken"
        case "tenant_cap": "tenant at its cap"
        case "no_worker": "no worker"
        case "paused": "paused"
        case "recovering": "recovering"
        default: reason
        }
    }

    /// `45 s`, `3 min 20 s`, `1 h 5 min`.
    public static func time(seconds: Int) -> String {
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3_600 { return "\(seconds / 60) min \(seconds % 60) s" }
        return "\(seconds / 3_600) h \(seconds % 3_600 / 60) min"
    }
}
