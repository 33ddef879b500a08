/// Finds a sidecar that froze during a session: one that sends nothing is asked by a WebSocket ping, which every server
/// answers (RFC 6455 section 5.5.2). Some clients would wait for ever for a frozen browser.
///
/// All times are milliseconds of the loop's clock.
public struct SidecarPulse: Sendable {
    /// The session's streams at a look.
    public struct View: Sendable {
        /// Bytes for the sidecar are queued, because the sidecar does not read.
        public let isStuck: Bool
        /// Bytes for the client are queued. Until the client reads them, the worker does not read the sidecar.
        public let isHeldBack: Bool
        /// Between two frames of the client.
        public let mayPing: Bool

        public init(isStuck: Bool, isHeldBack: Bool, mayPing: Bool) {
            self.isStuck = isStuck
            self.isHeldBack = isHeldBack
            self.mayPing = mayPing
        }
    }

    public enum Action: Hashable, Sendable { case none, ping, frozen }

    private enum State: Hashable, Sendable {
        /// The sidecar's last bytes came at this time. Can transition to: asked.
        case heard(UInt64)
        /// The sidecar has had something to answer, or to read, since this time. Can transition to: heard.
        case asked(UInt64)
    }

    /// From the sidecar's last byte to the ping.
    public static let quietMilliseconds: UInt64 = 15_000
    /// From the ping until the sidecar counts as frozen.
    public static let pongMilliseconds: UInt64 = 30_000

    private var state: State

    public init(now: UInt64) { state = .heard(now) }

    /// Bytes of the sidecar came.
    public mutating func heard(now: UInt64) { state = .heard(now) }

    public mutating func look(_ view: View, now: UInt64) -> Action {
        if view.isHeldBack { state = .heard(now) }
        switch state {
        case .heard(let since):
            guard now - since >= SidecarPulse.quietMilliseconds, view.isStuck || view.mayPing else { return .none }
            state = .asked(now)
            // A sidecar that does not read would not read a ping either.
            return view.isStuck ? .none : .ping
        case .asked(let since):
            return now - since >= SidecarPulse.pongMilliseconds ? .frozen : .none
        }
    }
}
