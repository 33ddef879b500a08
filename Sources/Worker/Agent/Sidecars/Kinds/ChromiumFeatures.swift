/// Features of Chromium that no headless session needs.
///
/// Chromium 156 loads the lists below its address bar as pages, in a renderer of their own. They take more than half of
/// the CPU of a browser's first two seconds, and 59 MB (`loadtest/bench/chromium.py`).
enum ChromiumFeatures {
    private static let unneeded = ["WebUIOmniboxPopup", "WebUIOmniboxAimPopup"]
    private static let flag = "--disable-features="

    /// The arguments of a headless Chromium with those features disabled. All lists become one, because Chromium reads
    /// the last one only.
    static func disabled(in arguments: [String]) -> [String] {
        let lists = arguments.filter { $0.hasPrefix(flag) }.map { String($0.dropFirst(flag.count)) }
        let others = arguments.filter { !$0.hasPrefix(flag) }
        return [flag + (lists.filter { !$0.isEmpty } + unneeded).joined(separator: ",")] + others
    }
}
