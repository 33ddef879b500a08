import EventLoop
import HTTPCore

/// The live page: one file in the program. Its one script and its one style are named by their hashes, so that the
/// browser runs nothing else.
enum LivePage {
    static let response: [UInt8] = {
        let page = String(decoding: PackageResources.page_html, as: UTF8.self)
        let policy = [
            "default-src 'none'", "script-src \(hash(page, "script"))", "style-src \(hash(page, "style"))",
            "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        ]
        return httpResponse(
            status: 200,
            headers: [
                "Content-Security-Policy: \(policy.joined(separator: "; "))", "X-Content-Type-Options: nosniff",
                "Referrer-Policy: no-referrer",
            ], type: "text/html; charset=utf-8", body: page)
    }()

    /// The source expression of the element's text (CSP Level 3, 2.3.1).
    private static func hash(_ page: String, _ element: String) -> String {
        guard let begin = page.firstRange(of: "<\(element)>"), let end = page.firstRange(of: "</\(element)>") else {
            return "'none'"
        }
        return "'sha256-\(Crypto.base64(Crypto.sha256(Array(page[begin.upperBound..<end.lowerBound].utf8))))'"
    }
}
