import HTTPCore

/// One endpoint of the public listener: a row of `table`.
///
/// Routing, the default waits, the words that name a path and the answer of discovery read the table, so that a path
/// is spelled once. `docs/reference/endpoints.md` has the same rows.
struct Endpoint: Hashable, Sendable {
    enum Service: Hashable, Sendable {
        /// A balancer asks whether this port answers.
        case check
        /// A client asks for the address to connect to.
        case discovery
        /// A CDP client asks for the pages that there are.
        case targets
        /// A CDP client asks for the description of its protocol, which the gateway does not have.
        case description
        /// A WebSocket client gets a slot.
        case slot(Audience)
        /// A WebSocket client connects to a session that it borrowed or that keeps its slot.
        case attach
        /// A client borrows a slot for a WebSocket connection that comes later.
        case borrow
        /// A question or an order about waiters, sessions and usage.
        case call(APICall.Verb)

        /// A connection waits here until it has a slot.
        var waits: Bool {
            if case .slot = self { true } else { false }
        }
    }

    let method: String
    /// Words that name the endpoint use the first one.
    let paths: [PathPattern]
    let service: Service

    static let table = [
        Endpoint("HEAD", ["/"], .check),
        Endpoint("OPTIONS", ["/", "*"], .check),
        Endpoint("GET", ["/json", "/json/", "/json/version", "/json/version/"], .discovery),
        Endpoint("GET", ["/json/list", "/json/list/"], .targets),
        Endpoint("GET", ["/json/protocol", "/json/protocol/"], .description),
        Endpoint("GET", ["/"], .slot(.browsers)),
        Endpoint("GET", ["/cdp", "/devtools/browser/<any>"], .slot(.cdp)),
        Endpoint("GET", ["/session"], .slot(.bidi)),
        Endpoint("GET", ["/pool/<label>", "/pool/<label>/<rest>"], .slot(.any)),
        Endpoint("GET", ["/sessions/<id>"], .attach),
        Endpoint("POST", ["/v1/sessions"], .borrow),
        Endpoint("GET", ["/v1/sessions"], .call(.listSessions)),
        Endpoint("GET", ["/v1/sessions/<id>"], .call(.showSession)),
        Endpoint("DELETE", ["/v1/sessions/<id>"], .call(.endSession)),
        Endpoint("GET", ["/v1/waiters/<id>"], .call(.showWaiter)),
        Endpoint("DELETE", ["/v1/waiters/<id>"], .call(.endWaiter)),
        Endpoint("DELETE", ["/v1/runs/<run>"], .call(.endRun)),
        Endpoint("GET", ["/v1/estimate"], .call(.estimate)),
        Endpoint("GET", ["/v1/usage"], .call(.usage)),
    ]

    static let checks = table.filter { $0.service == .check }

    private init(_ method: String, _ paths: [String], _ service: Service) {
        self.method = method
        self.paths = paths.map(PathPattern.init)
        self.service = service
    }

    /// The endpoints of a path, one for each method, and what the path names. Empty if nothing is served there.
    static func serving(_ path: String) -> [(endpoint: Endpoint, parts: PathPattern.Parts)] {
        table.compactMap { endpoint in
            endpoint.paths.lazy.compactMap { $0.match(path) }.first.map { (endpoint, $0) }
        }
    }

    /// The path of a session.
    static func path(ofSession id: String) -> String {
        let pattern = table.first { $0.service == .attach }!.paths[0].text
        return pattern.replacing("<id>", with: id)
    }

    /// The path that these clients connect to.
    static func path(of audience: Audience) -> String {
        // Each audience has a row.
        table.first { $0.service == .slot(audience) }!.paths[0].text
    }

    /// The paths that lead to a slot, for words: `/ (Playwright, CDP), /cdp (CDP) or /pool/<label> (any pool)`.
    static let slotPaths: String = {
        let paths: [String] = table.compactMap { endpoint in
            guard case .slot(let audience) = endpoint.service else { return nil }
            return "\(endpoint.paths[0].text) (\(audience.name))"
        }
        return paths.dropLast().joined(separator: ", ") + " or " + (paths.last ?? "")
    }()
}
