import EventLoop
import QueueCore

/// Asks one worker whether it is there, as a gateway asks. For operators' commands.
public final class WorkerProbe {
    public enum Verdict: Hashable, Sendable {
        /// The worker answered, and knows the secret.
        case alive
        /// Something took the connection and closed it without an answer.
        case closed
        /// The answer proves nothing.
        case unproved
        case unreachable(String)
        /// This process could not dial, or could not look up the name.
        case local(String)
    }

    private var call: WorkerCall?

    /// `done` is called once, on the loop, never from inside this call.
    /// - Parameter secret: empty for none.
    public init(
        loop: Loop, resolver: Resolver, fleet: String, secret: [UInt8], worker: ProcessID, address: String,
        done: @escaping (Verdict) -> Void
    ) {
        let request = Wire.ProbeRequest(fleet: fleet, worker: worker, nonce: Crypto.randomHex(bytes: 16))
        let key = SigningKey(secret)
        let line = Wire.line(signed: request.signed, mac: key.sign(request.signed))
        call = WorkerCall(
            loop: loop, resolver: resolver, address: address, request: Array(line.utf8), onConnecting: {}
        ) { [self] outcome in
            call?.close()
            call = nil
            switch outcome {
            case .answer(let answer, let stream, _):
                stream.close()
                guard case .alive(let mac) = answer,
                    Crypto.constantTimeEqual(mac, key.sign(request.aliveSigned))
                else { return done(.unproved) }
                done(.alive)
            case .closed: done(.closed)
            case .unreachable(let words): done(.unreachable(words))
            case .local(let words): done(.local(words))
            }
        }
    }
}
