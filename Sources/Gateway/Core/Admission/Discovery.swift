/// The answer of discovery: the path that Playwright connects to. Nothing is looked up.
///
/// Playwright joins `wsEndpointPath` to its own URL and keeps the query of that URL. CDP clients look for
/// `webSocketDebuggerUrl`, which is left out because no endpoint speaks CDP.
func discoveryResponse() -> [UInt8] {
    let path = Endpoint.path(of: .playwright)
    return httpResponse(status: 200, headers: [], body: "{\"wsEndpointPath\":\(jsonString(path))}")
}
