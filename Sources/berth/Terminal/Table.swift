/// Rows in aligned columns, as `docker ps` prints them. Numbers stand at the right.
public struct Table: Hashable, Sendable {
    public enum Cell: Hashable, Sendable {
        case text(String)
        case number(Int)
        /// Milliseconds.
        case span(Int)
        case none

        static func optional(_ number: Int?) -> Cell { number.map { .number($0) } ?? .none }
        static func span(from begin: Int64?, to end: Int64) -> Cell {
            begin.map { .span(Int(max(0, end - $0))) } ?? .none
        }

        var shown: String {
            switch self {
            case .text(""), .none: "-"
            case .text(let text): Printable.text(text)
            case .number(let number): "\(number)"
            case .span(let milliseconds): TimeSpan.text(milliseconds: milliseconds)
            }
        }
    }

    public struct Column: Hashable, Sendable {
        public let title: String
        let isNumber: Bool

        static func text(_ title: String) -> Column { Column(title: title, isNumber: false) }
        static func number(_ title: String) -> Column { Column(title: title, isNumber: true) }
    }

    private static let gap = "  "

    public let columns: [Column]
    public private(set) var rows: [[Cell]]

    init(_ columns: [Column], _ rows: [[Cell]]) {
        self.columns = columns
        self.rows = rows
    }

    /// The names by which a user sorts.
    public var sortNames: [String] { columns.map { $0.title.lowercased() } }

    /// Sorts by a column: the largest numbers and the longest times first, texts from A to Z. Rows without a value come
    /// last, and equal rows keep their order.
    /// - Parameter isReversed: the other way round, but rows without a value are still the last.
    public mutating func sort(by column: Int, isReversed: Bool = false) {
        let numbered = rows.enumerated().map { (row: $1, at: $0) }
        rows = numbered.sorted { a, b in
            let order = Table.order(a.row[column], b.row[column])
            if order.isFixed || order.sign == 0 { return order.sign == 0 ? a.at < b.at : order.sign < 0 }
            return isReversed ? order.sign > 0 : order.sign < 0
        }.map(\.row)
    }

    /// - Returns: a negative sign if `a` comes first; `isFixed` if a reversed order has it so too.
    private static func order(_ a: Cell, _ b: Cell) -> (sign: Int, isFixed: Bool) {
        switch (a.key, b.key) {
        case (nil, nil): return (0, true)
        case (nil, _): return (1, true)
        case (_, nil): return (-1, true)
        case (.number(let a)?, .number(let b)?): return (a == b ? 0 : a > b ? -1 : 1, false)
        case (.text(let a)?, .text(let b)?): return (a == b ? 0 : a < b ? -1 : 1, false)
        case (.text?, .number?): return (1, false)
        case (.number?, .text?): return (-1, false)
        }
    }

    /// The header and the rows. Without a row, the header alone.
    /// - Parameter marked: the column to sort by gets a mark.
    public func lines(marked: Int? = nil) -> [String] {
        let titles = columns.enumerated().map { $0 == marked ? "\($1.title)*" : $1.title }
        let texts = [titles] + rows.map { $0.map(\.shown) }
        let widths = columns.indices.map { at in texts.map { Printable.width($0[at]) }.max() ?? 0 }
        return texts.map { line in
            var out = ""
            for (at, text) in line.enumerated() {
                let blanks = String(repeating: " ", count: widths[at] - Printable.width(text))
                out += (at == 0 ? "" : Table.gap) + (columns[at].isNumber ? blanks + text : text + blanks)
            }
            return String(out.reversed().drop { $0 == " " }.reversed())
        }
    }
}

extension Table.Cell {
    fileprivate enum Key {
        case number(Int)
        case text(String)
    }

    /// The sort key of a cell; nil for a cell without a value.
    fileprivate var key: Key? {
        switch self {
        case .none, .text(""): nil
        case .text(let text): .text(text)
        case .number(let number), .span(let number): .number(number)
        }
    }
}
