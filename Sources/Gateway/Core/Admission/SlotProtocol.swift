import QueueCore

/// The protocol of clients and sidecars at an endpoint. It decides which clients fit there, and which browser they ask
/// for.
enum SlotProtocol: Hashable, Sendable {
    case playwright
    /// The pool's own protocol, which the gateway does not know. All clients fit.
    case any

    /// Names the clients in the words that list the paths.
    var audience: String {
        switch self {
        case .playwright: "Playwright"
        case .any: "any pool"
        }
    }

    /// The browser and the version that a client asks for; each empty for any.
    /// - Throws: `upgrade_required` for a client that does not fit, `bad_request` for an unknown browser.
    func wanted(
        by head: RequestHead, _ options: RequestOptions, defaultBrowser: String
    ) throws(Refusal) -> (browser: String, version: String) {
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
            return (browser, version)
        case .any:
            return (options.browser ?? "", "")
        }
    }
}
