/// The usage of one tenant.
public struct Use: Hashable, Sendable {
    /// Slots held by its sessions, from the worker's proof to the release, kept times included.
    public var heldMilliseconds = 0
    /// Clients in the queue, from their admission to their session or their end.
    public var waitedMilliseconds = 0
    /// Sessions that began.
    public var sessions = 0
    /// Requests for a slot or a session that were refused.
    public var refusals = 0

    public init(heldMilliseconds: Int = 0, waitedMilliseconds: Int = 0, sessions: Int = 0, refusals: Int = 0) {
        self.heldMilliseconds = heldMilliseconds
        self.waitedMilliseconds = waitedMilliseconds
        self.sessions = sessions
        self.refusals = refusals
    }

    /// Reads `words`; `nil` if the text is not four numbers.
    public init?(words text: some StringProtocol) {
        let numbers = text.split(separator: " ").compactMap { Int($0) }
        guard numbers.count == 4 else { return nil }
        self.init(
            heldMilliseconds: numbers[0], waitedMilliseconds: numbers[1], sessions: numbers[2], refusals: numbers[3])
    }

    /// The four numbers, as the scripts read and store them.
    package var words: String {
        [heldMilliseconds, waitedMilliseconds, sessions, refusals].map { String(min($0, Use.numberMax)) }
            .joined(separator: " ")
    }

    /// Lua keeps larger numbers inexact.
    package static let numberMax = 999_999_999_999_999

    mutating func add(_ other: Use) {
        heldMilliseconds += other.heldMilliseconds
        waitedMilliseconds += other.waitedMilliseconds
        sessions += other.sessions
        refusals += other.refusals
    }
}

/// The usage of a tenant on one day of UTC, by Redis' clock.
public struct DayOfUse: Hashable, Sendable {
    /// Days since 1970-01-01.
    public let day: Int
    public let use: Use

    public init(day: Int, use: Use) {
        self.day = day
        self.use = use
    }

    /// The number of the day that `date` writes; `nil` for another text, and for a day that no calendar has.
    public static func day(ofDate text: String) -> Int? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [4, 2, 2], text.utf8.allSatisfy({ $0 == 0x2D || (0x30...0x39).contains($0) }),
            let year = Int(parts[0]), let month = Int(parts[1]), let date = Int(parts[2]), year >= 1970, month >= 1
        else { return nil }
        // The same count of years from March.
        let marchYear = month > 2 ? year : year - 1
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + date - 1
        let yearOfEra = marchYear % 400
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let day = marchYear / 400 * 146_097 + dayOfEra - 719_468
        return DayOfUse(day: day, use: Use()).date == text ? day : nil
    }

    /// The day as `2026-11-28`.
    public var date: String {
        // The algorithm counts years from March, so that a leap day is the last day of its year, in eras of 400 years.
        let sinceMarch = day + 719_468
        let era = sinceMarch / 146_097
        let dayOfEra = sinceMarch % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let date = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        return "\(year)-\(month < 10 ? "0" : "")\(month)-\(date < 10 ? "0" : "")\(date)"
    }
}
