import QueueCore

/// Limits of `tenants` in a configuration file.
public enum TenantsLimits {
    /// The most keys of one tenant.
    public static let keysMax = 32
    /// The most tenants of one file.
    public static let countMax = 10_000
}

/// The fields that both `defaults` and a tenant have, by their names in the file.
enum LimitField: String, CaseIterable {
    case cap, maxQueue, maxWait, maxPriority, weight, guarantee, parkedMax

    /// Sets the field.
    /// - Returns: in words why the text is not valid; `nil` if it is.
    func set(_ text: String, in limits: inout TenantLimits) -> String? {
        switch self {
        case .cap: return LimitField.count(text, 0...1_000_000) { limits.cap = $0 }
        case .maxQueue: return LimitField.count(text, 0...1_000_000) { limits.queueMax = $0 }
        case .weight: return LimitField.count(text, 1...1_000) { limits.weight = $0 }
        case .guarantee: return LimitField.count(text, 0...1_000_000) { limits.guarantee = $0 }
        case .parkedMax: return LimitField.count(text, 0...2_000_050) { limits.parkedMax = $0 }
        case .maxWait:
            guard let ms = DurationText.milliseconds(text), ms > 0 else {
                return "'\(text)' is not a duration like 30s, 2m or 1h (a week at most)"
            }
            limits.waitMaxMilliseconds = ms
        case .maxPriority:
            guard let ms = DurationText.milliseconds(text), ms % 1_000 == 0, ms <= 86_400_000 else {
                return "'\(text)' is not a head start in whole seconds, like 30s (a day at most)"
            }
            limits.priorityMaxSeconds = ms / 1_000
        }
        return nil
    }

    /// The field's text in the file; `null` for a limit that is computed from other limits.
    func text(of limits: TenantLimits) -> String {
        switch self {
        case .cap: "\(limits.cap)"
        case .maxQueue: "\(limits.queueMax)"
        case .maxWait: DurationText.text(milliseconds: limits.waitMaxMilliseconds)
        case .maxPriority: DurationText.text(milliseconds: limits.priorityMaxSeconds * 1_000)
        case .weight: "\(limits.weight)"
        case .guarantee: "\(limits.guarantee)"
        case .parkedMax: limits.parkedMax.map { "\($0)" } ?? "null"
        }
    }

    private static func count(_ text: String, _ range: ClosedRange<Int>, _ set: (Int) -> Void) -> String? {
        guard let number = Int(text), range.contains(number) else {
            return "'\(text)' is not a whole number from \(range.lowerBound) to \(range.upperBound)"
        }
        set(number)
        return nil
    }
}
