import EventLoop
import QueueCore
import WorkerCore

/// Takes connections until they have sent their request: answers probes, passes grants on, closes all others.
final class GatewayDoor {
    private enum Guest {
        case asking(GatewayConnection)
        case answered(Answers.Farewell)
    }

    private let loop: Loop
    private let credentials: Credentials
    private let events: any WorkerEvents
    private let onGrant: (Wire.GrantRequest, _ secret: SigningKey, SidecarHead, Stream) -> Void
    /// Called when a gateway that knows the secret reached this worker.
    var onReached: () -> Void = {}
    private var guests: [UInt64: Guest] = [:]
    private var places: PendingConnections
    private var nonces = SeenNonces()
    private var notices = PeerNotices()
    private var arrivals: UInt64 = 0

    init(
        loop: Loop, credentials: Credentials, connectionsMax: Int, events: any WorkerEvents,
        onGrant: @escaping (Wire.GrantRequest, _ secret: SigningKey, SidecarHead, Stream) -> Void
    ) {
        self.loop = loop
        self.credentials = credentials
        self.events = events
        self.onGrant = onGrant
        places = PendingConnections(max: connectionsMax)
    }

    /// A connection was accepted.
    func accepted(_ stream: Stream) {
        arrivals += 1
        let id = arrivals
        let connection = GatewayConnection(stream) { [unowned self] request in
            judge(request, id, stream)
        } onRequest: { [unowned self] stream, request in
            guests[id] = nil
            take(request, id, stream)
        }
        guests[id] = .asking(connection)
        places.arrived(id, from: stream.peerNetwork, now: loop.now)
        // A gateway sends its request at once. Under a flood the request is there already, so the connection needs no
        // place.
        connection.readWhatCame()
        makeRoom()
    }

    /// Closes every connection whose grant was not passed on.
    func close() {
        for guest in guests.values { close(guest) }
    }

    private func close(_ guest: Guest) {
        switch guest {
        case .asking(let connection): connection.close()
        case .answered(let farewell): farewell.close()
        }
    }

    private func makeRoom() {
        while let id = places.surplus(now: loop.now) {
            guard let guest = guests[id] else { return places.left(id) }
            // Reads the connection first, because its request may have arrived during thousands of accepts.
            if case .asking(let connection) = guest { connection.readWhatCame() }
            if places.surplus(now: loop.now) == id { close(guest) }
        }
    }

    private func take(
        _ request: (GatewayConnection.Request, secret: SigningKey)?, _ id: UInt64, _ stream: Stream
    ) {
        switch request {
        case nil:
            places.left(id)
        case (.probe(let probe), let secret)?:
            places.answered(id)
            guests[id] = .answered(
                Answers.send(Answers.alive(probe, secret: secret), andClose: stream) { [unowned self] in
                    guests[id] = nil
                    places.left(id)
                })
        case (.grant(let grant, let head), let secret)?:
            places.left(id)
            onGrant(grant, secret, head, stream)
        }
    }

    // MARK: Verification

    private func judge(_ request: Wire.Request, _ id: UInt64, _ stream: Stream) -> SigningKey? {
        switch credentials.verdict(on: request) {
        case .ours(let secret):
            guard nonces.insert(request.nonce) else {
                emit(stream, .copied)
                return nil
            }
            places.proved(id, now: loop.now)
            onReached()
            return secret
        case .otherFleet(let fleet):
            emit(stream, .otherFleet(fleet, own: credentials.fleet))
        case .otherWorker(let worker):
            emit(stream, .otherWorker(worker))
        case .otherSecret:
            emit(stream, .otherSecret)
        }
        return nil
    }

    private func emit(_ stream: Stream, _ event: StrangerEvent) {
        guard notices.isNews(stream.peerNetwork, now: loop.now) else { return }
        events.stranger(at: stream.peerAddress, event)
    }
}

extension Wire.Request {
    fileprivate var nonce: String {
        switch self {
        case .grant(let grant, _): grant.nonce
        case .probe(let probe, _): probe.nonce
        }
    }
}
