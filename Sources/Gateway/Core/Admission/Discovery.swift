/// The answer to `GET /json` and `/json/version`: where to connect, on the Host the client used. Nothing is looked up.
///
/// Playwright joins `wsEndpointPath` to its own URL and keeps that URL's query; CDP clients take
/// `webSocketDebuggerUrl` as it is, so it carries the query.
func discoveryResponse(_ head: RequestHead) -> [UInt8] {
    let scheme = head.value("x-forwarded-proto") == "https" ? "wss" : "ws"
    let query = head.query.map { "?" + $0 } ?? ""
    let url = "\(scheme)://\(head.value("host") ?? "")/cdp\(query)"
    return httpResponse(
        status: 200, headers: [], body: "{\"wsEndpointPath\":\"/\",\"webSocketDebuggerUrl\":\(jsonString(url))}")
}
