import QueueCore

/// The pools of a worker and the slots of each: `AppA:Chromium:Staging=3,AppB:Firefox:UAT=1`.
public enum PoolConfig {
    /// Why the setting is refused, in words for the operator.
    public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// One pool for each slot, in the order written.
    ///
    /// - Parameters:
    ///   - isPlaywright: if a label's second segment names a browser, in any case, that is the pool's browser.
    ///   - defaultBrowser: the browser of all other pools; empty for plain programs.
    ///   - version: the version of the sidecars, as in `Pool`.
    public static func parse(_ text: String, isPlaywright: Bool, defaultBrowser: String, version: String)
        throws(Failure) -> [Pool]
    {
        var pools: [Pool] = []
        var labels: Set<String> = []
        for entry in text.split(separator: ",", omittingEmptySubsequences: false) {
            let (label, count) = try parse(entry: trimmed(entry))
            guard labels.insert(label.text).inserted else {
                throw Failure(description: "pool \(label) is named twice; give it one count")
            }
            let browser = isPlaywright ? browser(of: label) ?? defaultBrowser : defaultBrowser
            guard let pool = Pool(label: label, browser: browser, version: version) else {
                throw Failure(description: "browser \"\(browser)\" or version \"\(version)\" is not a name")
            }
            guard pools.count + count <= QueueLimits.slotsPerWorkerMax else {
                throw Failure(description: "more than \(QueueLimits.slotsPerWorkerMax) slots; start another worker")
            }
            pools += Array(repeating: pool, count: count)
        }
        return pools
    }

    /// The browser that a label's second segment names.
    public static func browser(of label: Label) -> String? {
        guard label.segments.count >= 2 else { return nil }
        let name = label.segments[1].lowercased()
        return Pool.playwrightBrowsers.contains(name) ? name : nil
    }

    private static func parse(entry: Substring) throws(Failure) -> (Label, Int) {
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
        return (label, count)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}
