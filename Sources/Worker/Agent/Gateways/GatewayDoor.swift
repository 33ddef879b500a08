import EventLoop
import QueueCore
import WorkerCore

/// Takes connections until they have shown what they want: answers probes, hands grants on, closes the rest.
final class GatewayDoor {
    private enum Guest {
        case asking(GatewayConnection)
        case answered(Answers.Farewell)
    }

    private let loop: Loop
    private let credentials: Credentials
    private let log: JSONLog
    private let onGrant: (Wire.GrantRequest, _ secret: [UInt8], SidecarHead, Stream) -> Void
    /// A gateway that knows the secret reached this worker.
    var onReached: () -> Void = {}
    private var guests: [UInt64: Guest] = [:]
    private var places: PendingConnections
    private var nonces = SeenNonces()
    private var notices = PeerNotices()
    private var arrivals: UInt64 = 0

    init(
        loop: Loop, credentials: Credentials, connectionsMax: Int, log: JSONLog,
        onGrant: @escaping (Wire.GrantRequest, _ secret: [UInt8], SidecarHead, Stream) -> Void
    ) {
        self.loop = loop
        self.credentials = credentials
        self.log = log
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
        // A gateway sends its request with its connection: under a flood it is there already, and needs no place.
        connection.readWhatCame()
        makeRoom()
    }

    /// Ends everything that was not handed on.
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
            // Its bytes may have come while thousands of accepts went before: they are read before it is judged.
            if case .asking(let connection) = guest { connection.readWhatCame() }
            if places.surplus(now: loop.now) == id { close(guest) }
        }
    }

    private func take(
        _ request: (GatewayConnection.Request, secret: [UInt8])?, _ id: UInt64, _ stream: Stream
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

    // MARK: Whom to believe

    private func judge(_ request: Wire.Request, _ id: UInt64, _ stream: Stream) -> [UInt8]? {
        switch credentials.verdict(on: request) {
        case .ours(let secret):
            guard nonces.insert(request.nonce) else {
                note(stream, "A request came a second time; a copy is not answered")
                return nil
            }
            places.proved(id, now: loop.now)
            onReached()
            return secret
        case .otherFleet(let fleet):
            note(stream, "A gateway of the fleet \(fleet) asked; this worker is in the fleet \(credentials.fleet)")
        case .otherWorker(let worker):
            note(stream, "A gateway asked for the worker \(worker), which is not this one")
        case .otherSecret:
            note(
                stream,
                "A request's mac does not match: NODE_SECRET differs between this worker and the gateway there, or is set on one "
                    + "side alone (blanks at the end, CR and byte order mark count)")
        }
        return nil
    }

    private func note(_ stream: Stream, _ words: String) {
        guard notices.isNews(stream.peerNetwork, now: loop.now) else { return }
        log.log(.warning, "stranger", words, ["peer": .text(stream.peerAddress)])
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
