import HTTPCore
import QueueCore

/// Limits that an operator orders for a tenant, as a flat JSON object. What it does not name stays as it is.
package enum TenantOrder {
    private static let members = ["cap", "maxQueue", "maxWaitSeconds", "maxPriority", "weight", "guarantee"]

    /// The scripts compute with these numbers exactly.
    private static let orderedNumberMax = 1_000_000_000

    package static func limits(_ body: [UInt8], from now: TenantLimits) throws(AdminRefusal) -> TenantLimits {
        let words = "The body is a JSON object with one or more of \(members.joined(separator: ", ")), whole numbers"
        guard let object = try? FlatJSON(body), !object.fields.isEmpty else { throw AdminRefusal(.badRequest, words) }
        var limits = now
        for (name, value) in object.fields {
            guard case .number(let digits) = value, let number = Int(digits), (0...orderedNumberMax).contains(number)
            else {
                throw AdminRefusal(.badRequest, words)
            }
            switch name {
            case "cap": limits.cap = number
            case "maxQueue": limits.queueMax = number
            case "maxWaitSeconds": limits.waitMaxMilliseconds = number * 1_000
            case "maxPriority": limits.priorityMaxSeconds = number
            case "weight": limits.weight = max(1, number)
            case "guarantee": limits.guarantee = number
            default: throw AdminRefusal(.badRequest, words)
            }
        }
        guard limits.guarantee <= limits.cap else {
            throw AdminRefusal(.badRequest, "The guarantee is larger than the cap")
        }
        return limits
    }
}
