/// A pool label: 1–8 segments of `[A-Za-z0-9._-]{1,64}` joined by `:`, case kept, compared as written.
public struct Label: Hashable, Sendable, CustomStringConvertible {
    public let segments: [Substring]
    public let text: String

    public static let segmentsMax = 8

    public init?(_ text: String) {
        let segments = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (1...Label.segmentsMax).contains(segments.count), segments.allSatisfy({ isName($0) }) else { return nil }
        self.text = text
        self.segments = segments
    }

    public var description: String { text }
}

/// The label, browser, version and protocol that a set of equal slots serves.
///
/// `browser` is empty for pools of plain programs. `version` is Playwright's major.minor (`1.65`) for Playwright
/// sidecars, empty for others.
public struct Pool: Hashable, Sendable, CustomStringConvertible {
    public let label: Label
    public let browser: String
    public let version: String
    public let slotProtocol: SlotProtocol

    /// The browsers that Playwright serves, by Playwright's names.
    public static let playwrightBrowsers = ["chromium", "firefox", "webkit"]

    /// `nil` unless browser and version are each empty or a name.
    public init?(label: Label, browser: String, version: String, slotProtocol: SlotProtocol) {
        guard browser.isEmpty || isName(browser), version.isEmpty || isName(version) else { return nil }
        self.label = label
        self.browser = browser
        self.version = version
        self.slotProtocol = slotProtocol
    }

    /// Reads `label|browser|version|protocol`, the form in keys and records.
    public init?(_ text: String) {
        let parts = text.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4, let label = Label(parts[0]), let slotProtocol = SlotProtocol(rawValue: parts[3]) else {
            return nil
        }
        self.init(label: label, browser: parts[1], version: parts[2], slotProtocol: slotProtocol)
    }

    public var description: String { "\(label.text)|\(browser)|\(version)|\(slotProtocol.rawValue)" }
}

/// The slot that a waiter asks for. An empty part means any; a label segment `*` means any one segment.
public struct Selector: Hashable, Sendable, CustomStringConvertible {
    public let pattern: String
    public let browser: String
    public let version: String
    /// `nil` for any.
    public let slotProtocol: SlotProtocol?

    /// `nil` unless the pattern is empty or a label (in which a segment may be `*`), and browser and version are each
    /// empty or a name.
    public init?(pattern: String, browser: String = "", version: String = "", slotProtocol: SlotProtocol? = nil) {
        guard browser.isEmpty || isName(browser), version.isEmpty || isName(version) else { return nil }
        if !pattern.isEmpty {
            let segments = pattern.split(separator: ":", omittingEmptySubsequences: false)
            guard (1...Label.segmentsMax).contains(segments.count), segments.allSatisfy({ $0 == "*" || isName($0) })
            else { return nil }
        }
        self.pattern = pattern
        self.browser = browser
        self.version = version
        self.slotProtocol = slotProtocol
    }

    /// The form in keys and records: `pattern|browser|version|protocol`.
    public var description: String { "\(pattern)|\(browser)|\(version)|\(slotProtocol?.rawValue ?? "")" }

    /// How well a pool fits; a lower rank fits better. `nil` if the pool does not fit.
    ///
    /// - Rank 0: the labels match exactly.
    /// - Rank 1 and up: the pool's label has fewer segments than the request, but at least two, and all of them match.
    ///   The rank is the number of segments that it lacks.
    /// - Rank 10 and up: the pool's label has more segments than the request, and its first ones match. The rank grows
    ///   with the number of further segments.
    /// - Rank 20 and up: the request is for any label. The rank grows with the length of the pool's label.
    ///
    /// Must equal `match` of `lib_match.lua`.
    public func rank(of pool: Pool) -> Int? {
        guard slotProtocol == nil || slotProtocol == pool.slotProtocol, browser.isEmpty || browser == pool.browser,
            version.isEmpty || version == pool.version
        else { return nil }
        let have = pool.label.segments
        if pattern.isEmpty { return 20 + have.count }
        let want = pattern.split(separator: ":", omittingEmptySubsequences: false)
        for (w, h) in zip(want, have) where w != "*" && w != h { return nil }
        if have.count == want.count { return 0 }
        if have.count > want.count { return 10 + have.count - want.count }
        return have.count >= 2 ? want.count - have.count : nil
    }
}
