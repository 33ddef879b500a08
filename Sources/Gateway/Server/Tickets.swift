import EventLoop
import QueueCore

/// Tickets of sessions: 128 bits that only the fleet's gateways can compute. A ticket replaces the key for one session.
///
/// Any gateway of the fleet knows a ticket of another one, because both have NODE_SECRET. Without NODE_SECRET a ticket is
/// good at its own gateway alone.
struct Tickets {
    private let keys: [SigningKey]

    /// - Parameter secrets: NODE_SECRET, and a second one during its rotation. The first one signs.
    init(secrets: [[UInt8]]) {
        let known = secrets.filter { !$0.isEmpty }
        keys = (known.isEmpty ? [Array(Crypto.randomHex(bytes: 32).utf8)] : known).map(SigningKey.init)
    }

    func ticket(for lease: LeaseID) -> String { Tickets.ticket(for: lease, key: keys[0]) }

    func isValid(_ ticket: String, for lease: LeaseID) -> Bool {
        keys.contains { Crypto.constantTimeEqual(ticket, Tickets.ticket(for: lease, key: $0)) }
    }

    private static func ticket(for lease: LeaseID, key: SigningKey) -> String {
        String(key.sign("TICKET \(lease)").prefix(32))
    }
}
