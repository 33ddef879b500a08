import HTTPCore

/// The address for a borrower's client: the scheme and Host that the borrower used, and the options of its session.
public struct BorrowAddress: Hashable, Sendable {
    private let base: String
    private let query: String

    init(_ head: RequestHead, _ options: RequestOptions) {
        base = Discovery.base(head)
        var parts: [String] = []
        if let ttl = options.bounds.ttlMilliseconds { parts.append("ttl=\(ttl)ms") }
        if let idle = options.bounds.idleMilliseconds { parts.append("idle=\(idle)ms") }
        if options.wantsProtocolLog { parts.append("log=protocol") }
        query = parts.map { "&" + $0 }.joined()
    }

    /// The URL of a session.
    /// - Parameter ticket: replaces the key for this session.
    public func url(ofSession id: String, ticket: String) -> String {
        "\(base)\(Endpoint.path(ofSession: id))?ticket=\(ticket)\(query)"
    }
}
