import EventLoop
import LoadTestCore

/// The connection of one session. It performs the steps of its `ClientSession`, and reports them to the run.
final class LoadClient: StreamDelegate {
    /// Facts of a client that do not change: its number, its tenant, its addresses.
    struct Plan {
        let number: Int
        let tenant: Int
        /// In the order in which they are tried.
        let targets: [LoadTarget]
        let fields: [(String, String)]
        let readBytesASecond: Int?
        /// The stream of arrivals that the client's next session comes from; nil if there is none.
        let again: Int?
    }

    private static let connectMilliseconds: UInt64 = 30_000
    /// A slow client reads once in this time.
    private static let readMilliseconds: UInt64 = 100

    let plan: Plan
    private unowned let run: LoadRun
    private var session: ClientSession
    private var attempt: ConnectAttempt?
    private var stream: Stream?
    private var timer: Timer?
    private var timerAt = Int.max
    private var targetsTried = 0
    private(set) var hadSlot = false

    init(_ plan: Plan, session: ClientSession, run: LoadRun) {
        (self.plan, self.session, self.run) = (plan, session, run)
        connect()
        setTimer()
    }

    private func connect() {
        let target = plan.targets[targetsTried]
        targetsTried += 1
        attempt = Stream.connect(
            loop: run.loop, to: target.address, timeoutMilliseconds: LoadClient.connectMilliseconds
        ) { [self] result in
            attempt = nil
            switch result {
            case .success(let stream): connected(stream, target)
            case .failure: perform(session.unreachable())
            }
        }
    }

    private func connected(_ stream: Stream, _ target: LoadTarget) {
        self.stream = stream
        stream.delegate = self
        if target.isSecure, let tls = run.tls {
            stream.secure(asClient: tls, of: TLSPeer(SocketAddress.split(target.host)?.host ?? target.host))
        }
        stream.startReading()
        run.sent(self)
        perform(
            session.connected(
                head: ClientSession.head(target: target.path, host: target.host, fields: plan.fields)))
    }

    private func perform(_ steps: [ClientSession.Step]) {
        for step in steps {
            switch step {
            case .send(let bytes): stream?.write(bytes)
            case .dialNext:
                stream?.close()
                stream = nil
                return connect()
            case .opened(let wait):
                hadSlot = true
                run.opened(self, waited: wait)
            case .answered(let time): run.answered(self, microseconds: time)
            case .released: run.released(self)
            case .ended(let outcome): return end(outcome)
            }
        }
        if !session.isEnded { setTimer() }
    }

    private func setTimer() {
        guard let next = session.nextTick else {
            timer?.cancel()
            timer = nil
            timerAt = .max
            return
        }
        guard next != timerAt else { return }
        timer?.cancel()
        timerAt = next
        timer = run.loop.schedule(after: UInt64(max(0, next - run.now + 999) / 1_000)) { [self] in
            timerAt = .max
            perform(session.tick(now: run.now))
        }
    }

    /// How long the client has waited.
    var waited: Int { session.waitMicroseconds(now: run.now) }

    /// The run is over.
    func cancel() {
        timer?.cancel()
        attempt?.cancel()
        stream?.close()
    }

    private func end(_ outcome: ClientSession.Outcome) {
        timer?.cancel()
        attempt?.cancel()
        if outcome == .gaveUp { stream?.reset() } else { stream?.close() }
        run.ended(self, outcome)
    }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        perform(session.received(bytes, now: run.now))
        guard let rate = plan.readBytesASecond, !stream.isClosed, bytes.count > rate / 100 else { return }
        stream.stopReading()
        let pause = max(LoadClient.readMilliseconds, UInt64(bytes.count * 1_000 / rate))
        run.loop.schedule(after: pause) { if !stream.isClosed { stream.startReading() } }
    }

    func streamDrained(_ stream: Stream) {}
    func streamReachedEnd(_ stream: Stream) { perform(session.lost()) }
    func stream(_ stream: Stream, failed error: SystemError) { perform(session.lost()) }
}
