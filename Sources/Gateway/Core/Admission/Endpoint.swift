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
    ]

    static let checks = table.filter { $0.service == .check }
    private static let others = table.filter { $0.service != .check }

    private init(_ method: String, _ paths: [String], _ service: Service) {
        self.method = method
        self.paths = paths.map(PathPattern.init)
        self.service = service
    }

    /// The endpoint that serves a path, checks left out, and what the path names. `nil` if nothing is served there.
    static func serving(_ path: String) -> (endpoint: Endpoint, parts: PathPattern.Parts)? {
        for endpoint in others {
            for pattern in endpoint.paths {
                if let parts = pattern.match(path) { return (endpoint, parts) }
            }
        }
        return nil
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
