/// Whether the sessions of a pool are written to protocol logs.
public enum ProtocolLogMode: String, Hashable, Sendable, CaseIterable {
    /// No session.
    case off
    /// The sessions whose clients ask for a log.
    case allowed
    /// Each session.
    case on

    /// Whether a session is logged.
    /// - Parameter asked: its client asked for a log.
    public func logs(asked: Bool) -> Bool {
        switch self {
        case .off: false
        case .allowed: asked
        case .on: true
        }
    }
}
