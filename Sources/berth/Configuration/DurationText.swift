/// A span of time as people write it: `500ms`, `30s`, `2m`, `1h`.
public enum DurationText {
    /// The longest span of any setting: a week.
    public static let millisecondsMax = 7 * 24 * 3_600_000

    private static let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)]

    /// Reads a whole number with a unit, at most a week; `nil` for any other text. `0` needs no unit.
    public static func milliseconds(_ text: String) -> Int? {
        if text == "0" { return 0 }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard (1...10).contains(digits.count), let number = Int(digits),
            let unit = units.first(where: { $0.0 == text[digits.endIndex...] })
        else { return nil }
        let milliseconds = number * unit.1
        return milliseconds <= millisecondsMax ? milliseconds : nil
    }

    /// The shortest text of a span: `90s`, `2m`, `500ms`.
    public static func text(milliseconds: Int) -> String {
        guard milliseconds != 0 else { return "0" }
        let unit = units.last { milliseconds % $0.1 == 0 } ?? units[0]
        return "\(milliseconds / unit.1)\(unit.0)"
    }
}
