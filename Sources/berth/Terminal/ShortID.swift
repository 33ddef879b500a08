import QueueCore

/// Ids in few characters, and the ids that such characters stand for.
public enum ShortID {
    /// Characters of a waiter's id in a table: random hex digits, so that a million waiters hardly share any.
    static let shortIDCharacters = 12
    /// With fewer characters, a waiter that was not looked at could have the same ones.
    public static let idCharactersMin = 8

    /// `0123456789ab` for a waiter, `0123456789ab.1` for a session. Another text stays as it is.
    public static func text(_ id: String) -> String {
        if WaiterID(id) != nil { return String(id.prefix(shortIDCharacters)) }
        guard LeaseID(id) != nil, let dot = id.lastIndex(of: ".") else { return id }
        return String(id.prefix(shortIDCharacters) + id[dot...])
    }

    /// A waiter or a session that an operator named.
    public enum Found: Hashable, Sendable {
        case waiter(String)
        case session(LeaseID)
        case nothing
        /// More than one, by their whole ids.
        case several([String])
        /// The text is no begin of an id, or too short a one.
        case noID
    }

    /// Finds the waiter or the session of a view whose id begins with the text. If a waiter has a session, the session is
    /// found.
    public static func find(_ text: String, in view: FleetView) -> Found {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts[0].utf8.count >= idCharactersMin, parts[0].utf8.allSatisfy(isHex),
            parts.count == 1 || Int(parts[1]) != nil
        else { return .noID }
        let sessions = view.slots.map(\.lease).filter { lease in
            lease.hasPrefix(parts[0]) && (parts.count == 1 || lease.hasSuffix("." + parts[1]))
        }.compactMap { LeaseID($0) }
        let waiters = parts.count == 1 ? view.line.map(\.id).filter { $0.hasPrefix(text) } : []
        switch (sessions.count, waiters.count) {
        case (0, 0): return .nothing
        case (1, 0): return .session(sessions[0])
        case (0, 1): return .waiter(waiters[0])
        default: return .several(sessions.map(\.description) + waiters)
        }
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
