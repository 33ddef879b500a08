import HTTPCore
import QueueCore

/// The answers of discovery: where Playwright and CDP clients connect. They come from the gateway's own knowledge: if the
/// fleet is known to have no CDP pool, no answer points at one.
enum Discovery {
    /// For `/json` and `/json/version`.
    ///
    /// Playwright joins `wsEndpointPath` to its own URL and keeps the query of that URL. CDP clients connect to
    /// `webSocketDebuggerUrl`, which has the Host and the query of this request. With TLS, here or at a proxy, it is
    /// `wss://`, so that the client does not send its key in plain text.
    static func version(_ head: RequestHead, _ directory: PoolDirectory?) -> [UInt8] {
        var fields = ["\"wsEndpointPath\":\(jsonString(Endpoint.path(of: .browsers)))"]
        if directory?.serves(.cdp) ?? true, head.value("host") != nil {
            let url = "\(base(head))\(Endpoint.path(of: .cdp))\(head.query.map { "?" + $0 } ?? "")"
            fields =
                [
                    "\"Browser\":\"Chrome\"", "\"Protocol-Version\":\"1.3\"",
                    "\"webSocketDebuggerUrl\":\(jsonString(url))",
                ] + fields
        }
        return answer("{\(fields.joined(separator: ","))}")
    }

    /// Scheme and Host of the gateway as this client sees it.
    static func base(_ head: RequestHead) -> String {
        "\(head.isHTTPS ? "wss" : "ws")://\(head.value("host") ?? "")"
    }

    /// For `/json/list`: pages belong to sessions, so there are none before a client has a slot.
    static func targets() -> [UInt8] { answer("[]") }

    private static func answer(_ body: String) -> [UInt8] {
        httpResponse(status: 200, headers: [], body: body)
    }
}
