import EventLoop
import GatewayCore
import HTTPCore
import Queue
import QueueCore

/// One accepted connection: the driver of the machine `Client`, and the owner of its wait. It decides nothing itself.
///
/// The stream keeps it alive until the close. A parked connection owns no buffer but its forwarded head.
final class ClientConnection: HasDeadline {
    unowned let server: GatewayServer
    let stream: Stream
    private var machine = Client()
    /// Until the request is complete.
    private var reader: ReaderBox? = ReaderBox()
    private var errand: (any Errand)?
    /// The address for this borrower's client.
    private var borrow = Apart<BorrowAddress>.none
    /// The client holds its slot by the response to its request.
    private var holds = false
    private var relay: Relay?
    /// From the worker's proof to the close, if the client holds its slot by a response.
    private var held: HeldClient?
    /// If it has its 101 and no session yet.
    private var parked: ParkedClient?
    /// The owner that its descriptor is counted for.
    var place = Occupancy.Place.stranger
    var deadline: UInt64 = 0
    var deadlineIndex: Int32 = -1

    init(_ stream: Stream, server: GatewayServer) {
        self.stream = stream
        self.server = server
        stream.delegate = self
        if let certificate = server.certificate { stream.secure(asServer: certificate.context) }
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
            leaveWait(first: .a)
            close()
        case .breakOff: errand?.clientBroke()
        case .expireWait: expireErrand()
        case .close: close()
        }
    }

    private func parse(_ bytes: UnsafeRawBufferPointer) {
        if server.certificate != nil, !stream.isEncrypted { return refuse(Refusal(.wantsTLS)) }
        guard let step = reader?.reader.feed(bytes) else { return }
        switch step {
        case .needMore: break
        case .expectsAnswer: stream.write(RequestReader.goOn)
        case .refused(let fault): refuse(Refusal(fault))
        case .request(let request):
            reader = nil
            server.doorway.headEnded(self)
            // A flood of clients that reset costs no more than reading their heads.
            let end = stream.peerEnd
            if end == .reset { perform(machine.failed()) } else { judge(request, end) }
        }
    }

    private func judge(_ read: RequestReader.Request, _ end: Stream.PeerEnd) {
        var read = read
        let sender = server.admission.tenancy.trustedProxies.sender(of: read.head, peer: stream.peerHost)
        read.head.isHTTPS = stream.isEncrypted || sender.isEncrypted
        do throws(Refusal) {
            switch try server.admission.read(read) {
            case .respond(let response):
                answer(response)
            case .visit(let visit):
                let keyHash = visit.credential.map { Crypto.sha256Hex($0) }
                do throws(Refusal) {
                    let admitted = try server.admission.admit(
                        visit, keyHash: keyHash, peer: sender.address,
                        hasTicket: visit.ticket.map { server.tickets.isValid($0.text, for: $0.lease) } ?? false)
                    // A client that sends no more is not queued.
                    if end == .halfClosed { perform(machine.reachedEnd()) } else { try hold(admitted, read.head) }
                } catch {
                    if let tenant = server.admission.asker(of: visit, keyHash: keyHash) {
                        server.queue.note(.refused, of: tenant)
                    }
                    throw error
                }
            }
        } catch {
            refuse(error, from: sender.isProxied ? sender.address : nil)
        }
    }

    private func hold(_ admitted: Admission.Admitted, _ head: RequestHead) throws(Refusal) {
        switch admitted {
        case .wait(let request):
            try enter(request.tenant)
            let milliseconds =
                request.mayWait ? UInt64(request.waitMilliseconds) : GatewayLimits.impatientMilliseconds
            if request.parks { park(key: head.value("sec-websocket-key") ?? "") }
            borrow = Apart(request.borrowAddress)
            holds = request.purpose == .hold
            let wait = WaitDriver(
                request, owner: self, table: server.waits, deadline: server.loop.now + milliseconds)
            begin(wait)
        case .attach(let request):
            // A session has one client at a time, so a ticket needs no bound on connections.
            if !request.tenant.isEmpty { try enter(request.tenant) }
            begin(AttachDriver(request, owner: self, table: server.waits))
        case .call(let call, let tenant):
            try enter(tenant)
            begin(APIErrand(call, tenant: tenant, server: server) { [self] in called($0) })
        }
    }

    private func called(_ result: Result<[UInt8], Refusal>) {
        errand = nil
        switch result {
        case .success(let response): answer(response)
        case .failure(let refusal): refuse(refusal)
        }
    }

    /// Counts the connection for its tenant.
    private func enter(_ tenant: String) throws(Refusal) {
        let max = server.admission.tenancy.tenant(named: tenant).limits.connectionsMax
        guard server.doorway.enter(self, tenant: tenant, max: max) else { throw .tenantConnections(tenant, max: max) }
    }

    private func begin(_ errand: any Errand) {
        machine.headRead()
        self.errand = errand
        server.deadlines.set(self, at: errand.nextCheck)
        errand.begin()
    }

    private func expireErrand() {
        errand?.deadlinePassed()
        if let errand { server.deadlines.set(self, at: errand.nextCheck) }
    }

    private func park(key: String) {
        parked = ParkedClient(loop: server.loop) { [unowned self] in perform($0) }
        stream.write(ParkedClient.opening(key: key))
    }

    private func perform(_ action: ParkedSocket.Action) {
        switch action {
        // A client that does not read gets no further pings and pongs.
        case .write(let bytes): if stream.queuedBytes == 0, !bytes.isEmpty { stream.write(bytes) }
        case .leave(let bytes):
            leaveWait(first: .a)
            unpark()
            answer(bytes)
        case .join(let toSidecar, let toClient, let head):
            guard let worker = parked?.takeWorker() else { return }
            unpark()
            worker.write(toSidecar)
            stream.write(toClient)
            relay(to: worker, words: LastWords(behind: head + toClient, sent: toSidecar, server: server))
        case .refuse(let refusal):
            leaveWait(first: .b)
            refuse(refusal)
        }
    }

    private func perform(_ action: HeldSlot.Action) {
        switch action {
        case .none: break
        // A client that does not read gets no empty lines.
        case .write(let bytes): if stream.queuedBytes == 0 { stream.write(bytes) }
        case .end(let line):
            leaveWait(first: .b)
            held?.close()
            answer(line)
        case .refuse(let refusal):
            leaveWait(first: .b)
            held?.close()
            refuse(refusal)
        }
    }

    private func unpark() {
        parked?.close()
        parked = nil
    }

    /// Ends its wait, and a session whose sidecar has not answered.
    private func leaveWait(first: Relay.Side) {
        errand?.clientLeft()
        errand?.sessionEnded(Relay.End(first: first, cause: .end, bytesAToB: 0, bytesBToA: 0))
        errand = nil
    }

    // MARK: its session

    private func relay(to worker: Stream, words: LastWords) {
        machine.proved()
        server.deadlines.remove(self)
        server.relayBegan(self)
        let relay = Relay(
            stream, worker, lingerMilliseconds: GatewayLimits.relayLingerMilliseconds, loop: server.loop
        ) { [self] end in
            self.relay = nil
            machine.relayEnded()
            errand?.sessionEnded(end)
            errand = nil
            server.relayEnded(self)
        }
        relay.witness = words
        self.relay = relay
    }

    private func hold(_ lease: LeaseID, on worker: Stream, rest: [UInt8]) {
        machine.held()
        server.deadlines.remove(self)
        server.relayBegan(self)
        held = HeldClient(lease, on: worker, rest: rest, loop: server.loop) { [unowned self] in perform($0) }
    }

    var relayedBytes: (up: UInt64, down: UInt64) { (relay?.bytesAToB ?? 0, relay?.bytesBToA ?? 0) }

    /// The gateway's drain time is over.
    func drainTimePassed() {
        if let relay {
            relay.finish()
        } else if let held {
            perform(held.drainTimePassed())
        } else if let errand {
            errand.drainTimePassed()
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

    /// - Parameter address: the client's, if a proxy told it.
    private func refuse(_ refusal: Refusal, from address: String? = nil, isLogged: Bool = false) {
        if !isLogged { server.events.refusal(refusal, peer: address ?? stream.peerAddress) }
        let seconds = server.retryAfterSeconds()
        guard parked != nil else { return answer(refusal.response(retryAfterSeconds: seconds)) }
        unpark()
        answer(ParkedSocket.close(for: refusal, retryAfterSeconds: seconds))
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
        unpark()
        held?.close()
        server.deadlines.remove(self)
        stream.close()
        if held == nil { server.clientClosed(self) } else { server.relayEnded(self) }
    }

    func deadlinePassed() { perform(machine.deadlinePassed()) }
}

/// The reader on the heap, so that a parked client does not carry its size.
private final class ReaderBox {
    var reader = RequestReader()
}

extension ClientConnection: WaitOwner {
    func waitEnded(_ refusal: Refusal?) {
        errand = nil
        if let refusal { refuse(refusal, isLogged: true) }
    }

    func slotLent(_ grant: Grant, milliseconds: Int) {
        errand = nil
        guard let borrow = borrow.value else { return }
        let lease = grant.lease
        answer(
            APIAnswer.lent(
                lease, url: borrow.url(ofSession: lease.description, ticket: server.tickets.ticket(for: lease)),
                expiresAt: EventLog.timestamp(in: milliseconds)))
    }

    func workerProved(_ worker: Stream, of lease: LeaseID, rest: [UInt8]) {
        if let parked { return parked.join(worker, rest: rest) }
        if holds { return hold(lease, on: worker, rest: rest) }
        stream.write(rest)
        relay(to: worker, words: LastWords(behind: rest, server: server))
    }
}

extension ClientConnection: StreamDelegate {
    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        if let parked { perform(parked.received(bytes)) } else { perform(machine.received(), bytes) }
    }

    func streamReachedEnd(_ stream: Stream) { perform(machine.reachedEnd()) }
    func streamDrained(_ stream: Stream) {}
    func stream(_ stream: Stream, failed error: SystemError) {
        if error.isTLS, stream.isHandshaking {
            server.events.handshakeFailed(error.operation, peer: stream.peerAddress)
        }
        perform(machine.failed())
    }
}
