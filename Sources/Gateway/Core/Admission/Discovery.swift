import QueueCore

/// The answers of discovery: where Playwright and CDP clients connect. They come from the gateway's own knowledge: if the
/// fleet is known to have no CDP pool, no answer points at one.
enum Discovery {
    /// For `/json` and `/json/version`.
    ///
    /// Playwright joins `wsEndpointPath` to its own URL and keeps the query of that URL. CDP clients connect to
    /// `webSocketDebuggerUrl`, which has the Host and the query of this request. Behind a proxy that ends TLS it is
    /// `wss://`, so that the client does not send its key in plain text. Only the client that asked reads the answer, so a
    /// forged `x-forwarded-proto` misleads nobody else.
    static func version(_ head: RequestHead, _ directory: PoolDirectory?) -> [UInt8] {
        var fields = ["\"wsEndpointPath\":\(jsonString(Endpoint.path(of: .browsers)))"]
        if directory?.serves(.cdp) ?? true, let host = head.value("host") {
            let scheme = head.value("x-forwarded-proto") == "https" ? "wss" : "ws"
            let url = "\(scheme)://\(host)\(Endpoint.path(of: .cdp))\(head.query.map { "?" + $0 } ?? "")"
            fields =
                [
                    "\"Browser\":\"Chrome\"", "\"Protocol-Version\":\"1.3\"",
                    "\"webSocketDebuggerUrl\":\(jsonString(url))",
                ] + fields
        }
        return answer("{\(fields.joined(separator: ","))}")
    }

    /// For `/json/list`: pages belong to sessions, so there are none before a client has a slot.
    static func targets() -> [UInt8] { answer("[]") }

    private static func answer(_ body: String) -> [UInt8] {
        httpResponse(status: 200, headers: [], body: body)
    }
}
