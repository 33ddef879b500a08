import QueueCore

/// The clients of an endpoint. It decides which clients fit there, and what they ask for.
enum Audience: Hashable, Sendable {
    case playwright
    /// Clients of any protocol: the pool that they name decides.
    case any

    /// Names the clients in the words that list the paths.
    var name: String {
        switch self {
        case .playwright: "Playwright"
        case .any: "any pool"
        }
    }

    /// The browser, the version and the protocol that a client asks for; each empty for any.
    /// - Throws: `upgrade_required` for a client that does not fit, `bad_request` for an unknown browser.
    func wanted(
        by head: RequestHead, _ options: RequestOptions, defaultBrowser: String
    ) throws(Refusal) -> (browser: String, version: String, slotProtocol: SlotProtocol?) {
        switch self {
        case .playwright:
            guard let version = playwrightVersion(userAgent: head.value("user-agent") ?? "") else {
                throw Refusal(
                    .upgradeRequired,
                    "This path speaks Playwright's protocol; other clients connect to \(Endpoint.path(of: .any))")
            }
            let browser = options.browser ?? head.value("x-playwright-browser") ?? defaultBrowser
            guard Pool.playwrightBrowsers.contains(browser) else {
                throw .badRequest("The browser must be one of chromium, firefox and webkit")
            }
            return (browser, version, .playwright)
        case .any:
            return (options.browser ?? "", "", nil)
        }
    }
}
