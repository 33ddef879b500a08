import QueueCore

/// The reasons why slots have no ready sidecar, for `berth status` and for a terminal.
public struct SlotTroubles: Sendable {
    /// Slots named for one reason at most; the others are a count.
    public static let slotsNamedMax = 8
    /// Different reasons that one process prints on a terminal.
    public static let reasonsToldMax = 8

    private var reasons: [Int: String] = [:]
    private var told: Set<String> = []

    public init() {}

    /// A slot's sidecar failed.
    public mutating func failed(_ slot: Int, _ reason: String) { reasons[slot] = reason }

    /// True if no similar reason was printed yet. The caller then prints it.
    public mutating func isNews(_ reason: String) -> Bool {
        guard told.count < SlotTroubles.reasonsToldMax else { return false }
        return told.insert(SlotTroubles.likeness(reason)).inserted
    }

    /// A slot has a ready sidecar again, or needs none.
    public mutating func isWell(_ slot: Int) { reasons[slot] = nil }

    /// `slots 0, 1: <reason>; slot 5: <reason>`, at most `QueueLimits.troubleBytesMax` bytes; empty if every slot has a
    /// ready sidecar.
    public var summary: String {
        var slots: [String: [Int]] = [:]
        for (slot, reason) in reasons { slots[reason, default: []].append(slot) }
        let parts = slots.map { (slots: $0.value.sorted(), reason: $0.key) }.sorted { $0.slots[0] < $1.slots[0] }
        return SlotTroubles.cut(
            parts.map { "\(SlotTroubles.name($0.slots)): \($0.reason)" }.joined(separator: "; "))
    }

    private static func name(_ slots: [Int]) -> String {
        let named = slots.prefix(slotsNamedMax).map(String.init).joined(separator: ", ")
        let more = slots.count - slotsNamedMax
        return (slots.count == 1 ? "slot " : "slots ") + named + (more > 0 ? " and \(more) more" : "")
    }

    /// At most `QueueLimits.troubleBytesMax` bytes of a text. Whole characters only.
    public static func cut(_ text: String) -> String {
        guard text.utf8.count > QueueLimits.troubleBytesMax else { return text }
        var out = ""
        for character in text {
            if out.utf8.count + String(character).utf8.count > QueueLimits.troubleBytesMax - 3 { break }
            out.append(character)
        }
        return out + "…"
    }

    /// Removes digits, because pids, ports and times differ between two starts with the same fault.
    private static func likeness(_ reason: String) -> String {
        var out = ""
        for character in reason where !character.isHexDigit {
            if character != "." || out.last != "." { out.append(character) }
        }
        return out
    }
}
