/// A line for a terminal, and how it looks there.
public struct StyledLine: Hashable, Sendable {
    public enum Style: Hashable, Sendable {
        case plain, header, concern, faint
    }

    public let text: String
    public let style: Style

    init(_ text: String, _ style: Style = .plain) {
        self.text = text
        self.style = style
    }

    /// The text, with the escape codes of its style if colours are wanted.
    public func text(inColour: Bool) -> String {
        guard inColour else { return text }
        switch style {
        case .plain: return text
        case .header: return "\u{1B}[1m\(text)\u{1B}[0m"
        case .concern: return "\u{1B}[31m\(text)\u{1B}[0m"
        case .faint: return "\u{1B}[2m\(text)\u{1B}[0m"
        }
    }
}

extension Table {
    public func styledLines(marked: Int? = nil) -> [StyledLine] {
        lines(marked: marked).enumerated().map { StyledLine($1, $0 == 0 ? .header : .plain) }
    }
}

extension WaitReport {
    public var lines: [StyledLine] {
        summary.map { StyledLine($0) } + concerns.map { StyledLine("! \($0)", .concern) }
    }
}
