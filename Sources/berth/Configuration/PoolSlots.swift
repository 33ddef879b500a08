import QueueCore

/// One entry of `POOL_CONFIG`: how many slots a worker has for a label.
public struct PoolSlots: Hashable, Sendable {
    public let label: Label
    public let slots: Int

    struct Objection: Error, Hashable { let message: String }

    /// Browsers whose name in a label's second segment sets the pool's browser, in any case.
    public static let browsers = ["chromium", "firefox", "webkit"]

    /// The browser that the label's second segment names, in lower case; `nil` where it names none.
    public var browserInLabel: String? {
        guard label.segments.count >= 2 else { return nil }
        let second = label.segments[1].lowercased()
        return PoolSlots.browsers.contains(second) ? second : nil
    }

    /// Reads `AppA:Chromium:Staging=3`.
    static func read(_ text: String) -> Result<PoolSlots, Objection> {
        guard let equals = text.lastIndex(of: "=") else {
            return .failure(Objection(message: "'\(text)' lacks its slots: label=number, like AppA:Chromium=3"))
        }
        let name = String(text[..<equals])
        guard let label = Label(name) else {
            return .failure(
                Objection(message: "'\(name)' is no pool label: 1–8 parts of A–Z a–z 0–9 . _ - joined by ':'"))
        }
        guard let slots = Int(text[text.index(after: equals)...]), (1...QueueLimits.slotsPerWorkerMax).contains(slots)
        else {
            return .failure(
                Objection(message: "'\(text)': slots are a number from 1 to \(QueueLimits.slotsPerWorkerMax)"))
        }
        return .success(PoolSlots(label: label, slots: slots))
    }
}
