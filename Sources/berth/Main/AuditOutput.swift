import GatewayCore
import HTTPCore
import QueueCore

extension AuditReport {
    /// One line for each finding, then a summary.
    var lines: [String] {
        let total = looked.values.reduce(0, +)
        let verdict = findings.isEmpty ? "clean" : "\(findings.count) findings"
        var lines = findings.map(\.description)
        lines.append("\(verdict): \(total) items looked at, schema \(schema.isEmpty ? "none" : schema), epoch \(epoch)")
        if overCap > 0 {
            lines.append(
                "\(overCap) leases above their tenant's cap, declared again by workers that were cut off (no finding)")
        }
        return lines
    }

    /// The same as a JSON object.
    var json: String {
        let found = findings.map {
            "{\"promise\":\(jsonString($0.promise)),\"item\":\(jsonString($0.item)),\"words\":\(jsonString($0.words))}"
        }
        let counts = Self.sections.map { "\"\($0)\":\(looked[$0] ?? 0)" }
        return "{\"findings\":[\(found.joined(separator: ","))],\"schema\":\(Int(schema) ?? 0),\"epoch\":\(epoch),"
            + "\"checked\":{\(counts.joined(separator: ","))},\"overCap\":\(overCap)}"
    }
}
