import EventLoop
import QueueCore
import WorkerCore

/// Endpoints that run already, wherever they are. Nothing is started or stopped.
package struct AttachKind: SidecarKind {
    private let endpoints: AttachedEndpoints

    package init(_ addresses: [AttachAddress]) { endpoints = AttachedEndpoints(addresses) }

    package func checked(for pool: Pool, on machine: SidecarMachine) -> any SidecarKind { self }

    package func start(
        _ start: SidecarStart, at site: SidecarSite, onEvent: @escaping (SidecarRunEvent) -> Void
    ) throws(WorkerFailure) -> any SidecarRun {
        let endpoints = endpoints
        guard let address = endpoints.take(for: start.sidecar) else {
            throw WorkerFailure("each endpoint of pool \(start.pool.label) has sessions of a sidecar that retires")
        }
        let resolver = endpoints.resolver(on: site.loop)
        return StandingSidecar(loop: site.loop) { done in
            AttachedLook.begin(at: address, resolver, loop: site.loop, done: done)
        } onEvent: { event in
            if case .exited = event { endpoints.giveBack(for: start.sidecar) }
            onEvent(event)
        }
    }
}

/// Which sidecar uses which endpoint. A sidecar keeps its endpoint over its starts if it can.
final class AttachedEndpoints {
    private let addresses: [AttachAddress]
    /// Endpoints by the sidecar that uses them, or used them last.
    private var indexes: [Int: Int] = [:]
    private var users: Set<Int> = []
    /// One for all endpoints, because each lookup may hold a thread for long.
    private var resolver: Resolver?

    init(_ addresses: [AttachAddress]) { self.addresses = addresses }

    /// nil if all endpoints are in use.
    func take(for sidecar: Int) -> AttachAddress? {
        let used = Set(users.compactMap { indexes[$0] })
        let known = Set(indexes.values)
        let free = addresses.indices.filter { !used.contains($0) }
        let own = indexes[sidecar].flatMap { free.contains($0) ? $0 : nil }
        // An endpoint that no sidecar had before is better than one whose sidecar may start again.
        guard let index = own ?? free.first(where: { !known.contains($0) }) ?? free.first else { return nil }
        for other in indexes.keys where indexes[other] == index { indexes[other] = nil }
        indexes[sidecar] = index
        users.insert(sidecar)
        return addresses[index]
    }

    func resolver(on loop: Loop) -> Resolver {
        let resolver = resolver ?? Resolver(loop: loop)
        self.resolver = resolver
        return resolver
    }

    func giveBack(for sidecar: Int) { users.remove(sidecar) }
}

/// One look at an endpoint: its addresses, its socket if it must be asked for it, and a handshake. The first address that
/// takes the handshake is the endpoint's.
private final class AttachedLook {
    private let address: AttachAddress
    private let loop: Loop
    private let done: (StandingSidecar.Sight) -> Void
    /// Addresses that were not tried yet.
    private var rest: ArraySlice<SocketAddress> = []
    private var question: DebuggerQuestion?
    private var probe: SidecarProbe?

    static func begin(
        at address: AttachAddress, _ resolver: Resolver, loop: Loop, done: @escaping (StandingSidecar.Sight) -> Void
    ) {
        let look = AttachedLook(address, loop, done)
        resolver.resolve(host: address.host, port: address.port) { result in
            switch result {
            case .success(let all):
                look.rest = all[...]
                look.tryNext(or: "its name has no address")
            case .failure(let error): look.tryNext(or: "\(error)")
            }
        }
    }

    private init(_ address: AttachAddress, _ loop: Loop, _ done: @escaping (StandingSidecar.Sight) -> Void) {
        self.address = address
        self.loop = loop
        self.done = done
    }

    /// - Parameter failure: why the look fails if no address is left.
    private func tryNext(or failure: String) {
        guard let literal = rest.popFirst() else { return done(.fails("\(address): \(failure)")) }
        // Browsers take no other Host than a literal address, so the name is used no more.
        if let path = address.path { return shakeHands(literal, path) }
        question = DebuggerQuestion(literal, loop: loop) { [self] answer in
            question = nil
            switch answer {
            case .success(let path): shakeHands(literal, path)
            case .failure(let failure): tryNext(or: failure.description)
            }
        }
    }

    private func shakeHands(_ literal: SocketAddress, _ path: String) {
        guard let endpoint = SidecarEndpoint(host: literal.host, port: literal.port, path: path) else {
            return tryNext(or: "its socket has no path that Berth connects to")
        }
        probe = SidecarProbe(endpoint, loop: loop) { [self] passed in
            probe = nil
            if passed { return done(.stands(at: endpoint)) }
            tryNext(or: "it took no connection, or no WebSocket handshake")
        }
    }
}
