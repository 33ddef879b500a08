import CUV
import Glibc

/// Looks up host names outside of the loop's thread, for all callers of one loop. A name that is requested twice is
/// looked up once, and its answer is cached for seconds.
///
/// libuv gives lookups at most half of its four threads. If a name server does not answer, a lookup holds its thread
/// until the system's resolver gives up. So at most `lookupsMax` lookups run at once, and further names wait.
public final class Resolver {
    typealias LookUp = (_ host: String, _ done: @escaping (AddressCache.Answer) -> Void) -> Void

    /// Most lookups that run at once.
    static let lookupsMax = 2
    /// Most names that wait for a lookup. A further name fails at once.
    static let waitingMax = 256

    private let loop: Loop
    private let lookUp: LookUp
    private var cache = AddressCache()
    private var asked: [String: [(AddressCache.Answer) -> Void]] = [:]
    private var waiting = Fifo<String>()
    private var lookups = 0

    public convenience init(loop: Loop) {
        self.init(loop: loop) { host, done in resolveAll(loop: loop, host: host, port: 0, done: done) }
    }

    init(loop: Loop, lookUp: @escaping LookUp) {
        self.loop = loop
        self.lookUp = lookUp
    }

    /// All addresses of a name, at least one, in the resolver's order. `done` is called on the loop, never from inside
    /// this call. A literal resolves to itself.
    public func resolve(
        host: String, port: Int, done: @escaping (Result<[SocketAddress], SystemError>) -> Void
    ) {
        if let literal = SocketAddress(host: host, port: port) {
            return loop.afterThisTurn { done(.success([literal])) }
        }
        let answer: (AddressCache.Answer) -> Void = { result in
            done(result.map { $0.compactMap { SocketAddress(host: $0.host, port: port) } })
        }
        if let known = cache.answer(host, now: loop.now) { return loop.afterThisTurn { answer(known) } }
        if asked[host] != nil {
            asked[host]?.append(answer)
        } else if lookups < Resolver.lookupsMax {
            asked[host] = [answer]
            start(host)
        } else if waiting.count < Resolver.waitingMax {
            asked[host] = [answer]
            waiting.append(host)
        } else {
            let full = SystemError(code: UV_EAI_AGAIN.rawValue, operation: "resolve \(host): too many names wait")
            loop.afterThisTurn { answer(.failure(full)) }
        }
    }

    private func start(_ host: String) {
        lookups += 1
        lookUp(host) { [self] result in
            lookups -= 1
            cache.put(host, result, now: loop.now)
            if let next = waiting.popFirst() { start(next) }
            for call in asked.removeValue(forKey: host) ?? [] { call(result) }
        }
    }
}

extension SystemError {
    /// True if the name server answered that the name has no address. All other failures mean that the lookup itself
    /// failed.
    public var isUnknownName: Bool {
        [UV_EAI_NONAME.rawValue, UV_EAI_NODATA.rawValue, UV_EAI_ADDRFAMILY.rawValue].contains(code)
    }
}

/// All addresses of a name, at least one, in the resolver's order. `done` is called on the loop, never from inside this
/// call. A literal resolves to itself.
public func resolveAll(
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

/// One `uv_getaddrinfo`. Keeps itself alive until the answer.
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
