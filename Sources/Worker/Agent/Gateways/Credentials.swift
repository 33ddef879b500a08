import EventLoop
import QueueCore

/// This worker's names, and the secrets it shares with its gateways.
struct Credentials {
    let fleet: String
    let worker: ProcessID
    let secrets: [SigningKey]

    /// Whether a request is for this worker, and if not, why.
    enum Verdict {
        /// The secret that signed it.
        case ours(secret: SigningKey)
        case otherFleet(String)
        case otherWorker(ProcessID)
        case otherSecret
    }

    func verdict(on request: Wire.Request) -> Verdict {
        let (fleet, worker, signed, mac) =
            switch request {
            case .grant(let grant, let given): (grant.fleet, grant.worker, grant.signed, given)
            case .probe(let probe, let given): (probe.fleet, probe.worker, probe.signed, given)
            }
        guard fleet == self.fleet else { return .otherFleet(fleet) }
        guard worker == self.worker else { return .otherWorker(worker) }
        let secret = secrets.first { Crypto.constantTimeEqual($0.sign(signed), mac) }
        return secret.map { .ours(secret: $0) } ?? .otherSecret
    }
}

/// The answers to a gateway.
enum Answers {
    static func proof(_ grant: Wire.GrantRequest, secret: SigningKey) -> String {
        Wire.proofLine(mac: secret.sign(grant.proofSigned))
    }

    static func reject(_ grant: Wire.GrantRequest, _ reason: RejectReason, secret: SigningKey) -> String {
        Wire.rejectLine(reason, mac: secret.sign(grant.rejectSigned(reason)))
    }

    static func alive(_ probe: Wire.ProbeRequest, secret: SigningKey) -> String {
        Wire.aliveLine(mac: secret.sign(probe.aliveSigned))
    }

    /// Writes a last line, and closes after the peer has closed or after `WorkerLimits.farewellMilliseconds`. It does
    /// not close at once, because that could reset the connection before the peer has read the line.
    /// - Parameter onClosed: called once, when the stream is closed; not from inside this call.
    @discardableResult
    static func send(_ line: String, andClose stream: Stream, onClosed: @escaping () -> Void = {}) -> Farewell {
        stream.write(line)
        return close(stream, onClosed: onClosed)
    }

    /// Like `send`, after what was written already.
    @discardableResult
    static func close(_ stream: Stream, onClosed: @escaping () -> Void = {}) -> Farewell {
        let farewell = Farewell(stream, onClosed: onClosed)
        stream.delegate = farewell
        stream.finish()
        stream.startReading()
        return farewell
    }

    /// A connection that was answered, until it is closed.
    final class Farewell: StreamDelegate {
        private let stream: Stream
        private var onClosed: (() -> Void)?
        private var timer: Timer?

        fileprivate init(_ stream: Stream, onClosed: @escaping () -> Void) {
            self.stream = stream
            self.onClosed = onClosed
            timer = stream.loop.schedule(after: WorkerLimits.farewellMilliseconds) { self.close() }
        }

        /// Idempotent.
        func close() {
            guard let call = onClosed else { return }
            onClosed = nil
            timer?.cancel()
            timer = nil
            stream.close()
            call()
        }

        func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) { close() }
        func streamReachedEnd(_ stream: Stream) { close() }
        func streamDrained(_ stream: Stream) {}
        func stream(_ stream: Stream, failed error: SystemError) { close() }
    }
}
