/// A number of bytes as people write it: `512M`, `2G`. The units are powers of 1,024.
public enum BytesText {
    /// The largest number of any setting: 16 TiB.
    public static let bytesMax = 16 << 40

    private static let units = [("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30)]

    /// Reads a whole number with a unit, at most `bytesMax`; `nil` for any other text. `0` needs no unit.
    public static func bytes(_ text: String) -> Int? {
        if text == "0" { return 0 }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard (1...10).contains(digits.count), let number = Int(digits),
            let unit = units.first(where: { $0.0 == text[digits.endIndex...] })
        else { return nil }
        return number <= bytesMax / unit.1 ? number * unit.1 : nil
    }

    /// The shortest text of a number that `bytes` has read: `2G`, `512M`.
    public static func text(bytes: Int) -> String {
        guard bytes != 0 else { return "0" }
        let unit = units.last { bytes % $0.1 == 0 } ?? units[0]
        return "\(bytes / unit.1)\(unit.0)"
    }
}
