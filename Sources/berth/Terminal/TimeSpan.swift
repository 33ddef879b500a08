/// Spans of time, in at most two units.
public enum TimeSpan {
    /// `0s`, `45s`, `3m20s`, `1h5m`, `2d3h`.
    public static func text(milliseconds: Int) -> String {
        let seconds = max(0, milliseconds) / 1_000
        switch seconds {
        case ..<60: return "\(seconds)s"
        case ..<3_600: return two(seconds, 60, "m", 1, "s")
        case ..<86_400: return two(seconds, 3_600, "h", 60, "m")
        default: return two(seconds, 86_400, "d", 3_600, "h")
        }
    }

    private static func two(_ seconds: Int, _ large: Int, _ largeName: String, _ small: Int, _ smallName: String)
        -> String
    {
        let rest = seconds % large / small
        return "\(seconds / large)\(largeName)" + (rest == 0 ? "" : "\(rest)\(smallName)")
    }

    /// The time of day of a moment since 1970, as `14:03:22 UTC`.
    static func timeOfDay(milliseconds: Int64) -> String {
        let seconds = Int(milliseconds / 1_000 % 86_400)
        let parts = [seconds / 3_600, seconds / 60 % 60, seconds % 60]
        return parts.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":") + " UTC"
    }
}
