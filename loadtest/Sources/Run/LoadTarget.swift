import EventLoop

/// A WebSocket address that clients of a load test connect to.
struct LoadTarget {
    let address: SocketAddress
    /// For the header Host, and for the certificate.
    let host: String
    let path: String
    let isSecure: Bool
    /// As the user wrote it, without its query, which may hold a key.
    let shown: String

    /// Reads `ws://host:port/path?query` or `wss://…`, and looks its name up.
    init(url: String, loop: Loop) throws {
        guard let mark = url.firstRange(of: "://"), ["ws", "wss"].contains(url[..<mark.lowerBound].lowercased()) else {
            throw LoadFailure("'\(url)' is no WebSocket address like ws://127.0.0.1:8080/pool/load")
        }
        isSecure = url[..<mark.lowerBound].lowercased() == "wss"
        let rest = url[mark.upperBound...]
        let slash = rest.firstIndex { "/?".contains($0) } ?? rest.endIndex
        path = rest[slash...].hasPrefix("/") ? String(rest[slash...]) : "/" + rest[slash...]
        host = String(rest[..<slash])
        shown = String(url.prefix { $0 != "?" })
        let port = isSecure ? 443 : 80
        let parts = SocketAddress.split(host) ?? (host, port)
        address = try LoadTarget.resolved(parts.host, port: parts.port, loop: loop)
    }

    /// A gateway of Berth's own fleet.
    init(gateway address: SocketAddress, path: String) {
        (self.address, self.path, isSecure) = (address, path, false)
        host = address.description
        shown = "ws://\(address)\(path)"
    }

    private static func resolved(_ host: String, port: Int, loop: Loop) throws -> SocketAddress {
        var found: Result<[SocketAddress], SystemError>?
        resolveAll(loop: loop, host: host, port: port) { found = $0 }
        _ = loop.run(until: { found != nil }, timeoutMilliseconds: 10_000)
        switch found {
        case .success(let addresses) where !addresses.isEmpty: return addresses[0]
        case .failure(let error): throw LoadFailure("no address of \(host): \(error)")
        default: throw LoadFailure("no address of \(host)")
        }
    }
}

/// Says why there is no result, and what to do.
struct LoadFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
