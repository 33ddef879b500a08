import EventLoop
import GatewayCore
import Queue
import QueueCore

/// One accepted connection: the driver of the machine `Client`, and the owner of its wait. It decides nothing itself.
///
/// The stream keeps it alive until the close. A parked connection owns no buffer but its forwarded head.
final class ClientConnection: HasDeadline {
    unowned let server: GatewayServer
    let stream: Stream
    private var machine = Client()
    /// Until the head is complete.
    private var reader: HeadReader? = HeadReader()
    private var wait: WaitDriver<Stream>?
    private var relay: Relay?
    /// The owner that its descriptor is counted for.
    var place = Occupancy.Place.stranger
    var deadline: UInt64 = 0
    var deadlineIndex: Int32 = -1

    init(_ stream: Stream, server: GatewayServer) {
        self.stream = stream
        self.server = server
        stream.delegate = self
    }

    /// - Parameter isFull: no more client may be parked.
    func accepted(isFull: Bool) {
        perform(machine.admitted(isFull: isFull))
    }

    // MARK: the socket

    /// - Parameter bytes: the bytes of the event `received`; nil for other events.
    private func perform(_ action: Client.Action, _ bytes: UnsafeRawBufferPointer? = nil) {
        switch action {
        case .none: break
        case .readHead:
            server.deadlines.set(self, at: server.loop.now + server.headMillisecondsMax)
            stream.startReading()
        case .parse: if let bytes { parse(bytes) }
        case .answer(let refusal): refuse(refusal)
        case .leave:
            wait?.clientLeft()
            close()
        case .breakOff: wait?.clientBroke()
        case .expireWait: expireWait()
        case .close: close()
        }
    }

    private func parse(_ bytes: UnsafeRawBufferPointer) {
        guard let step = reader?.parser.feed(bytes) else { return }
        switch step {
        case .needMore: break
        case .refused(let refusal): refuse(refusal)
        case .head(let head, let leftover):
            reader = nil
            server.doorway.headEnded(self)
            // A flood of clients that reset costs no more than reading their heads.
            let end = stream.peerEnd
            if end == .reset { perform(machine.failed()) } else { judge(head, leftover: leftover, end) }
        }
    }

    private func judge(_ head: RequestHead, leftover: Int, _ end: Stream.PeerEnd) {
        do throws(Refusal) {
            switch try server.admission.read(head, leftover: leftover) {
            case .respond(let response):
                answer(response)
            case .visit(let visit):
                let keyHash = visit.credential.map { Crypto.sha256Hex($0) }
                let request = try server.admission.admit(visit, keyHash: keyHash, peer: stream.peerHost)
                let max = server.admission.tenancy.tenant(named: request.tenant).limits.connectionsMax
                guard server.doorway.enter(self, tenant: request.tenant, max: max) else {
                    throw .tenantConnections(request.tenant, max: max)
                }
                // A client that sends no more is not queued.
                if end == .halfClosed { perform(machine.reachedEnd()) } else { hold(request) }
            }
        } catch {
            refuse(error)
        }
    }

    private func hold(_ request: WaitRequest) {
        machine.headRead()
        let milliseconds = request.mayWait ? UInt64(request.waitMilliseconds) : GatewayLimits.impatientMilliseconds
        let wait = WaitDriver(request, owner: self, table: server.waits, deadline: server.loop.now + milliseconds)
        self.wait = wait
        server.deadlines.set(self, at: wait.deadline)
        wait.begin()
    }

    private func expireWait() {
        wait?.deadlinePassed()
        // A dial under way may still succeed. Look again when it must have ended.
        if wait != nil { server.deadlines.set(self, at: server.loop.now + GatewayLimits.verdictMilliseconds) }
    }

    // MARK: its session

    private func relay(to worker: Stream, rest: [UInt8]) {
        machine.proved()
        server.deadlines.remove(self)
        server.relayBegan(self)
        stream.write(rest)
        let words = LastWords(behind: rest, server: server)
        let relay = Relay(
            stream, worker, lingerMilliseconds: GatewayLimits.relayLingerMilliseconds, loop: server.loop
        ) { [self] end in
            self.relay = nil
            machine.relayEnded()
            wait?.sessionEnded(end)
            wait = nil
            server.relayEnded(self)
        }
        relay.witness = words
        self.relay = relay
    }

    /// The gateway's drain time is over.
    func drainTimePassed() {
        if let relay {
            relay.finish()
        } else if let wait {
            wait.drainTimePassed()
        } else if machine.state == .readingHead {
            refuse(.shuttingDown)
        }
    }

    /// Closes without an answer, because a newer connection needs the descriptor.
    func makeRoom() { perform(machine.failed()) }

    /// Closes at once, because the gateway ends.
    func abort() {
        relay?.close()
        perform(machine.failed())
    }

    // MARK: last words

    private func refuse(_ refusal: Refusal, isLogged: Bool = false) {
        if !isLogged { server.events.refusal(refusal, peer: stream.peerAddress) }
        answer(refusal.response(retryAfterSeconds: server.retryAfterSeconds()))
    }

    /// Writes an answer, and closes once the client has closed, or soon.
    private func answer(_ bytes: [UInt8]) {
        machine.answered()
        reader = nil
        stream.write(bytes)
        stream.finish()
        stream.startReading()
        server.deadlines.set(self, at: server.loop.now + Client.lingerMilliseconds)
        server.doorway.lingers(self)
    }

    func close() {
        guard !stream.isClosed else { return }
        server.deadlines.remove(self)
        stream.close()
        server.clientClosed(self)
    }

    func deadlinePassed() { perform(machine.deadlinePassed()) }
}

/// The reason that a client receives if the worker or the gateway ends its session: a refusal if the sidecar never
/// answered, a close frame if the last frame was complete.
private final class LastWords: RelayWitness {
    private var cursor = FrameCursor(of: .sidecar)
    private var client = FrameCursor(of: .client)
    private unowned let server: GatewayServer

    /// - Parameter bytes: what was passed before the relay began.
    init(behind bytes: [UInt8], server: GatewayServer) {
        self.server = server
        bytes.withUnsafeBytes { cursor.pass($0) }
    }

    func relay(_ relay: Relay, passed bytes: UnsafeRawBufferPointer, from side: Relay.Side) {
        switch side {
        case .a: client.pass(bytes)
        case .b: cursor.pass(bytes)
        }
    }

    func relayLastWords(_ relay: Relay, cause: Relay.Cause) -> [UInt8] {
        let refusal = cause == .closed ? Refusal.shuttingDown : .workerLost
        if cursor.mayAnswer { return refusal.response(retryAfterSeconds: server.retryAfterSeconds()) }
        // A client that closes needs no reason.
        guard cursor.mayClose, !client.hasClosed, let code = refusal.code.row.closeCode else { return [] }
        return FrameCursor.close(code: UInt16(code), reason: refusal.message)
    }
}

/// The parser on the heap, so that a parked client does not carry its size.
private final class HeadReader {
    var parser = HeadParser()
}

extension ClientConnection: WaitOwner {
    func waitEnded(_ refusal: Refusal?) {
        wait = nil
        if let refusal { refuse(refusal, isLogged: true) }
    }

    func workerProved(_ worker: Stream, rest: [UInt8]) { relay(to: worker, rest: rest) }
}

extension ClientConnection: StreamDelegate {
    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        perform(machine.received(), bytes)
    }

    func streamReachedEnd(_ stream: Stream) { perform(machine.reachedEnd()) }
    func streamDrained(_ stream: Stream) {}
    func stream(_ stream: Stream, failed error: SystemError) { perform(machine.failed()) }
}
