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

/// What a set of equal slots serves: label, browser and version.
///
/// `browser` is empty for pools of plain programs. `version` is Playwright's major.minor (`1.65`) for Playwright
/// sidecars, `cdp` for CDP ones, empty for plain programs.
public struct Pool: Hashable, Sendable, CustomStringConvertible {
    public let label: Label
    public let browser: String
    public let version: String

    /// The browsers that Playwright serves, by its own names.
    public static let playwrightBrowsers = ["chromium", "firefox", "webkit"]

    /// `nil` where browser or version is neither empty nor a name.
    public init?(label: Label, browser: String, version: String) {
        guard browser.isEmpty || isName(browser), version.isEmpty || isName(version) else { return nil }
        self.label = label
        self.browser = browser
        self.version = version
    }

    /// Reads `label|browser|version`, the form in keys and records.
    public init?(_ text: String) {
        let parts = text.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let label = Label(parts[0]) else { return nil }
        self.init(label: label, browser: parts[1], version: parts[2])
    }

    public var description: String { "\(label.text)|\(browser)|\(version)" }
}

/// What a waiter asks for. An empty part means any; a label segment `*` stands for any one segment.
public struct Selector: Hashable, Sendable, CustomStringConvertible {
    public let pattern: String
    public let browser: String
    public let version: String

    /// `nil` where the pattern is no label (with `*` segments allowed) and not empty, or browser or version is no name.
    public init?(pattern: String, browser: String, version: String) {
        guard browser.isEmpty || isName(browser), version.isEmpty || isName(version) else { return nil }
        if !pattern.isEmpty {
            let segments = pattern.split(separator: ":", omittingEmptySubsequences: false)
            guard (1...Label.segmentsMax).contains(segments.count), segments.allSatisfy({ $0 == "*" || isName($0) })
            else { return nil }
        }
        self.pattern = pattern
        self.browser = browser
        self.version = version
    }

    /// The form in keys and records.
    public var description: String { "\(pattern)|\(browser)|\(version)" }

    /// How well a pool fits, best first; `nil` when it does not fit.
    ///
    /// Exact labels come first (rank 0), then trailing fallback (the request's last segments dropped, never below
    /// two: rank 1–7 by how many), then prefix expansion (the pool's label goes on behind the request: rank 10 and
    /// up, shortest first). A request for any label ranks by the pool's length (20 and up). Must equal `match` of
    /// `lib_match.lua`.
    public func rank(of pool: Pool) -> Int? {
        guard browser.isEmpty || browser == pool.browser, version.isEmpty || version == pool.version else { return nil }
        let have = pool.label.segments
        if pattern.isEmpty { return 20 + have.count }
        let want = pattern.split(separator: ":", omittingEmptySubsequences: false)
        for (w, h) in zip(want, have) where w != "*" && w != h { return nil }
        if have.count == want.count { return 0 }
        if have.count > want.count { return 10 + have.count - want.count }
        return have.count >= 2 ? want.count - have.count : nil
    }
}
