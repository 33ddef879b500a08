import HTTPCore
import QueueCore

/// The clients of an endpoint. It decides which clients fit there, and what they ask for.
enum Audience: Hashable, Sendable {
    /// Playwright's `connect`, which names itself by a header, and CDP clients, which do not.
    case browsers
    case cdp
    case bidi
    /// Clients of any protocol: the pool that they name decides.
    case any

    /// Names the clients in the words that list the paths.
    var name: String {
        switch self {
        case .browsers: "Playwright, CDP"
        case .cdp: "CDP"
        case .bidi: "WebDriver BiDi"
        case .any: "any pool"
        }
    }

    /// The slot that a client asks for. Browser and version are empty for any.
    struct Wanted: Hashable, Sendable {
        var browser = ""
        var version = ""
        /// `nil` for any.
        var slotProtocol: SlotProtocol?
    }

    /// - Throws: `upgrade_required` for a client that does not fit, `bad_request` for an unknown browser.
    func wanted(
        by head: RequestHead, _ options: RequestOptions, defaultBrowser: String
    ) throws(Refusal) -> Wanted {
        let named = playwrightBrowser(head)
        switch self {
        case .browsers:
            // The User-Agent does not tell them apart: `connect_over_cdp` sends Playwright's too.
            guard let named else { return Wanted(browser: options.browser ?? "", slotProtocol: .cdp) }
            let browser = options.browser ?? (named.isEmpty ? defaultBrowser : named)
            guard Pool.playwrightBrowsers.contains(browser) else {
                throw .badRequest("The browser must be one of chromium, firefox and webkit")
            }
            let version = playwrightVersion(userAgent: head.value("user-agent") ?? "")
            return Wanted(browser: browser, version: version ?? "", slotProtocol: .playwright)
        case .cdp, .bidi:
            guard named == nil else {
                throw Refusal(
                    .upgradeRequired,
                    "This path speaks \(name); Playwright's connect goes to \(Endpoint.path(of: .browsers))")
            }
            return Wanted(browser: options.browser ?? "", slotProtocol: self == .cdp ? .cdp : .bidi)
        case .any:
            return Wanted(
                browser: options.browser ?? "", version: options.version, slotProtocol: options.slotProtocol)
        }
    }
}

/// The browser that Playwright's `connect` names, empty if it names none; `nil` for other clients, such as
/// `connect_over_cdp`. The MCP server of Playwright 1.65 names no browser, but sends the second header.
func playwrightBrowser(_ head: RequestHead) -> String? {
    head.value("x-playwright-browser") ?? head.value("x-playwright-proxy").map { _ in "" }
}
