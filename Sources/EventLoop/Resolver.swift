import CUV
import Glibc

/// Looks a host name up off the loop's thread; `done` is called on the loop, never from inside this call.
/// A literal is its own answer.
public func resolve(
    loop: Loop, host: String, port: Int, done: @escaping (Result<SocketAddress, SystemError>) -> Void
) {
    resolveAll(loop: loop, host: host, port: port) { result in done(result.map { $0[0] }) }
}

/// All addresses of a name, at least one, in the resolver's order.
func resolveAll(
    loop: Loop, host: String, port: Int, done: @escaping (Result<[SocketAddress], SystemError>) -> Void
) {
    if let literal = SocketAddress(host: host, port: port) {
        loop.afterThisTurn { done(.success([literal])) }
        return
    }
    let lookup = Lookup(port: port, done: done)
    let code = lookup.start(loop: loop, host: host)
    if code < 0 {
        loop.afterThisTurn { done(.failure(SystemError(code: code, operation: "resolve \(host)"))) }
    }
}

/// One `uv_getaddrinfo`: holds itself until the answer came.
private final class Lookup {
    private let request = UnsafeMutablePointer<uv_getaddrinfo_t>.allocate(capacity: 1)
    private let port: Int
    private let done: (Result<[SocketAddress], SystemError>) -> Void

    init(port: Int, done: @escaping (Result<[SocketAddress], SystemError>) -> Void) {
        self.port = port
        self.done = done
    }

    deinit { request.deallocate() }

    func start(loop: Loop, host: String) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        let held = Unmanaged.passRetained(self)
        request.pointee.data = held.toOpaque()
        let code = uv_getaddrinfo(
            loop.handle, request,
            { request, status, list in
                guard let data = request?.pointee.data else { return }
                Unmanaged<Lookup>.fromOpaque(data).takeRetainedValue().finish(status, list)
            }, host, nil, &hints)
        if code < 0 { held.release() }
        return code
    }

    private func finish(_ status: Int32, _ list: UnsafeMutablePointer<addrinfo>?) {
        defer { uv_freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next = list
        while let entry = next {
            if let address = SocketAddress(entry.pointee.ai_addr),
                let whole = SocketAddress(host: address.host, port: port), !found.contains(whole)
            {
                found.append(whole)
            }
            next = entry.pointee.ai_next
        }
        if status < 0 || found.isEmpty {
            let code = status < 0 ? status : UV_EAI_NODATA.rawValue
            done(.failure(SystemError(code: code, operation: "resolve")))
        } else {
            done(.success(found))
        }
    }
}
