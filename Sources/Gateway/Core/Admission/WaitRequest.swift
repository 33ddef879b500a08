import QueueCore

/// The wait that one admitted client asks for.
public struct WaitRequest: Hashable, Sendable {
    public enum Purpose: Hashable, Sendable {
        /// The client's own connection is served.
        case connect
        /// The slot is lent, and a client attaches to it later.
        case borrow
        /// The client holds the slot by the response to its request.
        case hold
    }

    public let tenant: String
    public let selector: Selector
    public let purpose: Purpose
    public let kind: ClientKind
    /// The client gets its 101 before it has a slot.
    public let parks: Bool
    public let headStartSeconds: Int
    public let waitMilliseconds: Int
    /// The client's address without its port.
    public let address: String
    public private(set) var head: ForwardedHead
    private let rare: Apart<Rare>

    /// The values that few clients give.
    private struct Rare: Hashable, Sendable {
        var run = ""
        var alias = ""
        var bounds = SessionBounds.none
        var keepSeconds = 0
        var borrowAddress: BorrowAddress?
        var traceID = ""

        static let none = Rare()
    }

    private var given: Rare { rare.value ?? .none }

    public var run: String { given.run }
    public var alias: String { given.alias }
    public var bounds: SessionBounds { given.bounds }
    /// How long the slot is kept after a dropped socket; 0 for not at all.
    public var keepSeconds: Int { given.keepSeconds }
    /// The address for a borrower's client; `nil` for other clients.
    public var borrowAddress: BorrowAddress? { given.borrowAddress }
    /// The trace id in the client's `traceparent`; empty for none.
    public var traceID: String { given.traceID }

    package init(
        tenant: String, selector: Selector, purpose: Purpose = .connect, headStartSeconds: Int, run: String,
        alias: String, waitMilliseconds: Int, bounds: SessionBounds = .none, keepSeconds: Int = 0, kind: ClientKind,
        address: String = "", parks: Bool = false, borrowAddress: BorrowAddress? = nil,
        traceID: String = "", head: ForwardedHead
    ) {
        self.tenant = tenant
        self.selector = selector
        self.purpose = purpose
        self.headStartSeconds = headStartSeconds
        self.waitMilliseconds = waitMilliseconds
        self.kind = kind
        self.address = address
        self.parks = parks
        self.head = head
        let rare = Rare(
            run: run, alias: alias, bounds: bounds, keepSeconds: keepSeconds, borrowAddress: borrowAddress,
            traceID: traceID)
        self.rare = rare == .none ? .none : .some(rare)
    }

    /// `wait=0`: refuse instead of queueing.
    public var mayWait: Bool { waitMilliseconds > 0 }

    /// Frees the head's memory once a worker has the head.
    public mutating func dropHead() { head = .none }
}

/// A client that attaches to a session: one that it borrowed, or one that keeps its slot after a dropped socket.
public struct AttachRequest: Hashable, Sendable {
    public let lease: LeaseID
    /// Empty if the client has the session's ticket, which is good for one session and names no tenant.
    public let tenant: String
    public let bounds: SessionBounds
    public let head: ForwardedHead

    package init(lease: LeaseID, tenant: String, bounds: SessionBounds, head: ForwardedHead) {
        self.lease = lease
        self.tenant = tenant
        self.bounds = bounds
        self.head = head
    }
}
