import HTTPCore

/// One endpoint of the admin listener: a row of `table`. `docs/reference/admin.md` has the same rows.
package struct AdminEndpoint: Hashable, Sendable {
    package enum Service: Hashable, Sendable {
        /// The loop turns.
        case live
        /// New clients can be served.
        case ready
        case metrics
        case pressure
        case page
        case events
        case view(View)
        case change(Change)
    }

    /// A part of the fleet, as JSON.
    package enum View: Hashable, Sendable {
        case status, pools, workers, tenants, waiters, sessions, scale, usage
    }

    /// An operator's order.
    package enum Change: Hashable, Sendable {
        case drain, pause, resume, setTenant, resetTenant, endWaiter, endSession
    }

    package let method: String
    let path: PathPattern
    package let service: Service

    /// The probes of a kubelet carry no token.
    package var isOpen: Bool { service == .live || service == .ready }

    static let table = [
        AdminEndpoint("GET", "/livez", .live),
        AdminEndpoint("GET", "/readyz", .ready),
        AdminEndpoint("GET", "/metrics", .metrics),
        AdminEndpoint("GET", "/pressure", .pressure),
        AdminEndpoint("GET", "/", .page),
        AdminEndpoint("GET", "/events", .events),
        AdminEndpoint("GET", "/api/v1/status", .view(.status)),
        AdminEndpoint("GET", "/api/v1/pools", .view(.pools)),
        AdminEndpoint("GET", "/api/v1/workers", .view(.workers)),
        AdminEndpoint("GET", "/api/v1/tenants", .view(.tenants)),
        AdminEndpoint("GET", "/api/v1/waiters", .view(.waiters)),
        AdminEndpoint("GET", "/api/v1/sessions", .view(.sessions)),
        AdminEndpoint("GET", "/api/v1/scale", .view(.scale)),
        AdminEndpoint("GET", "/api/v1/usage", .view(.usage)),
        AdminEndpoint("POST", "/api/v1/workers/<id>/drain", .change(.drain)),
        AdminEndpoint("POST", "/api/v1/pools/<label>/pause", .change(.pause)),
        AdminEndpoint("POST", "/api/v1/pools/<label>/resume", .change(.resume)),
        AdminEndpoint("PUT", "/api/v1/tenants/<tenant>", .change(.setTenant)),
        AdminEndpoint("DELETE", "/api/v1/tenants/<tenant>", .change(.resetTenant)),
        AdminEndpoint("DELETE", "/api/v1/waiters/<id>", .change(.endWaiter)),
        AdminEndpoint("DELETE", "/api/v1/sessions/<id>", .change(.endSession)),
    ]

    private init(_ method: String, _ path: String, _ service: Service) {
        self.method = method
        self.path = PathPattern(path)
        self.service = service
    }

    /// The endpoint of a request, and the segment that its path names, decoded.
    /// - Throws: `not_found` for another path, `bad_request` (405) for another method.
    package static func of(method: String, path: String) throws(AdminRefusal) -> (AdminEndpoint, name: String) {
        let there = table.compactMap { endpoint in endpoint.path.match(path).map { (endpoint, $0.name ?? "") } }
        guard !there.isEmpty else { throw AdminRefusal(.notFound, "Nothing is served at this path") }
        // An endpoint for GET also answers HEAD, without a body.
        guard
            let (endpoint, name) = there.first(where: {
                $0.0.method == method || (method == "HEAD" && $0.0.method == "GET")
            })
        else {
            let methods = there.map(\.0.method).joined(separator: ", ")
            throw AdminRefusal(
                .badRequest, status: 405, "This path answers \(methods)", headers: ["Allow: \(methods)"])
        }
        guard let decoded = percentDecoded(name) else {
            throw AdminRefusal(.badRequest, "The path is not percent-encoded correctly")
        }
        return (endpoint, decoded)
    }
}
