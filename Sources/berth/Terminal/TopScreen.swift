import QueueCore

/// The state of the screen of `berth top`: the section shown and its order, which keys change, and the rate of grants.
public struct TopScreen: Hashable, Sendable {
    public enum Effect: Hashable, Sendable {
        case nothing, draw, quit
    }

    public private(set) var section: Section
    private var sorts: [Section: Int] = [:]
    private var isReversed = false
    private var rate = GrantRate()

    /// - Parameter sort: a column of the section.
    public init(_ section: Section, sort: Int? = nil) {
        self.section = section
        for section in Section.allCases { sorts[section] = TopScreen.sortDefault(section) }
        if let sort { sorts[section] = sort }
    }

    /// Pools and tenants with waiting clients come first. The line keeps its order.
    private static func sortDefault(_ section: Section) -> Int? {
        let name: String? =
            switch section {
            case .pools, .tenants: "waiting"
            case .workers, .sessions: nil
            case .waiters: nil
            }
        return name.flatMap { section.table(FleetView()).sortNames.firstIndex(of: $0) }
    }

    /// Takes a new view of the fleet. Its numbers count for the rate of grants.
    public mutating func look(at view: FleetView) { rate.add(view.head) }

    public mutating func press(_ key: UInt8) -> Effect {
        switch Character(Unicode.Scalar(key)) {
        case "q", "Q": return .quit
        case "p": section = .pools
        case "t": section = .tenants
        case "w": section = .workers
        case "l": section = .waiters
        case "s": section = .sessions
        case "<", ",": moveSort(by: -1)
        case ">", ".": moveSort(by: 1)
        case "r": isReversed.toggle()
        default: return .nothing
        }
        return .draw
    }

    private mutating func moveSort(by step: Int) {
        let count = section.table(FleetView()).columns.count
        let next = (sorts[section] ?? (step > 0 ? -1 : count)) + step
        sorts[section] = (next + count) % count
    }

    /// All lines, without regard to a terminal's size.
    public func lines(_ view: FleetView, fleet: String) -> [StyledLine] {
        var table = section.table(view)
        let sort = sorts[section]
        if let sort { table.sort(by: sort, isReversed: isReversed) }
        let time = TimeSpan.timeOfDay(milliseconds: view.head.atMilliseconds)
        let title = "berth top, fleet \(fleet), \(time)" + (rate.words.isEmpty ? "" : ", \(rate.words)")
        return [StyledLine(Printable.text(title))] + WaitReport(view).lines
            + [StyledLine("")] + table.styledLines(marked: sort)
    }

    /// The lines that a terminal of this size has room for, with the keys in the last one.
    /// - Parameter trouble: why the view is old; nil if it is not.
    public func lines(
        _ view: FleetView, fleet: String, trouble: String?, columns: Int, rows: Int
    ) -> [StyledLine] {
        var all = lines(view, fleet: fleet)
        if let trouble { all.insert(StyledLine("! \(Printable.text(trouble))", .concern), at: 1) }
        let room = max(0, rows - 1)
        if all.count > room, room > 0 {
            let left = all.count - room + 1
            all = all.prefix(room - 1) + [StyledLine("… \(left) more lines", .faint)]
        }
        all += [StyledLine("p pools  t tenants  w workers  l line  s sessions  < > sort  r reverse  q quit", .faint)]
        return all.suffix(max(0, rows)).map { StyledLine(Printable.clipped($0.text, to: columns), $0.style) }
    }
}
