import QueueCore

/// The pools of a worker and the slots of each: `AppA:Chromium:Staging=3,AppB:Firefox:UAT=1`.
public enum PoolConfig {
    /// Why the setting is refused, in words for the operator.
    public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// A pool's label and its number of slots.
    public struct Entry: Hashable, Sendable {
        public let label: Label
        public let slots: Int

        public init(label: Label, slots: Int) {
            self.label = label
            self.slots = slots
        }
    }

    /// The entries in the order written.
    public static func parse(_ text: String) throws(Failure) -> [Entry] {
        var entries: [Entry] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            entries.append(try parse(entry: trimmed(part)))
        }
        return entries
    }

    /// The browser that a label's second segment names.
    public static func browser(of label: Label) -> String? {
        guard label.segments.count >= 2 else { return nil }
        let name = label.segments[1].lowercased()
        return Pool.playwrightBrowsers.contains(name) ? name : nil
    }

    private static func parse(entry: Substring) throws(Failure) -> Entry {
        guard let equals = entry.lastIndex(of: "=") else {
            throw Failure(description: "\"\(entry)\" is not label=slots, as in AppA:Chromium:Staging=3")
        }
        let name = trimmed(entry[..<equals])
        guard let label = Label(String(name)) else {
            throw Failure(
                description: "\"\(name)\" is no pool label: 1 to 8 segments of letters, digits, dots, dashes and "
                    + "underscores (64 at most), joined by colons")
        }
        let digits = trimmed(entry[entry.index(after: equals)...])
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(digits),
            (1...QueueLimits.slotsPerWorkerMax).contains(count)
        else {
            throw Failure(
                description: "pool \(label) has \"\(digits)\" slots; say 1 to \(QueueLimits.slotsPerWorkerMax)")
        }
        return Entry(label: label, slots: count)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}
