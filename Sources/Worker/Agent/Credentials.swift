import EventLoop
import QueueCore

/// Who this worker is and which secrets it shares with its gateways.
struct Credentials {
    let fleet: String
    let worker: ProcessID
    let secrets: [[UInt8]]

    /// The secret that signed the request; nil when none did, or when it is meant for another worker or fleet.
    func secret(of request: Wire.Request) -> [UInt8]? {
        let isForUs: Bool
        let signed: String
        let mac: String
        switch request {
        case .grant(let grant, let given):
            isForUs = grant.fleet == fleet && grant.worker == worker
            (signed, mac) = (grant.signed, given)
        case .probe(let probe, let given):
            isForUs = probe.fleet == fleet && probe.worker == worker
            (signed, mac) = (probe.signed, given)
        }
        guard isForUs else { return nil }
        return secrets.first { Crypto.constantTimeEqual(Crypto.hmacSHA256(key: $0, signed), mac) }
    }
}

/// Answers a gateway and lets it go.
enum Answers {
    static func proof(_ grant: Wire.GrantRequest, secret: [UInt8]) -> String {
        Wire.proofLine(mac: Crypto.hmacSHA256(key: secret, grant.proofSigned))
    }

    static func reject(_ grant: Wire.GrantRequest, _ reason: RejectReason, secret: [UInt8]) -> String {
        Wire.rejectLine(reason, mac: Crypto.hmacSHA256(key: secret, grant.rejectSigned(reason)))
    }

    static func alive(_ probe: Wire.ProbeRequest, secret: [UInt8]) -> String {
        Wire.aliveLine(mac: Crypto.hmacSHA256(key: secret, probe.aliveSigned))
    }

    /// Writes a last line and closes once the peer has closed, or soon. (Closing at once could reset the
    /// connection before the peer has read the line.)
    static func send(_ line: String, andClose stream: Stream) {
        let farewell = Farewell(stream)
        stream.delegate = farewell
        stream.write(line)
        stream.finish()
        stream.startReading()
    }

    private final class Farewell: StreamDelegate {
        private var timer: Timer?

        init(_ stream: Stream) {
            timer = stream.loop.schedule(after: WorkerLimits.farewellMilliseconds) {
                self.timer = nil
                stream.close()
            }
        }

        private func end(_ stream: Stream) {
            timer?.cancel()
            timer = nil
            stream.close()
        }

        func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) { end(stream) }
        func streamReachedEnd(_ stream: Stream) { end(stream) }
        func streamDrained(_ stream: Stream) {}
        func stream(_ stream: Stream, failed error: SystemError) { end(stream) }
    }
}
