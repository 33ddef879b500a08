import Gateway
import GatewayCore
import QueueCore

/// One call of a worker, as `WorkerCall` and `WorkerDialer` make it: connect, present, read one answer, within one deadline.
final class SimulatedCall {
    enum Outcome {
        case proved(PipeEnd)
        case alive
        case failed(Dial.Failure)
    }

    private var onOutcome: ((Outcome) -> Void)?
    private var end: PipeEnd?
    private var timer: ProcessTimer?
    private let nonce: String
    private var isClosed = false

    init(
        _ process: SimulatedProcess, exchange: Exchange, address: String, nonce: String, message: PeerMessage,
        onConnecting: () -> Void, onOutcome: @escaping (Outcome) -> Void
    ) {
        self.nonce = nonce
        self.onOutcome = onOutcome
        timer = process.schedule(after: Int64(GatewayLimits.dialMilliseconds) * 1_000) { [weak self] in
            self?.finish(.failed(.unreachable))
        }
        onConnecting()
        var isGrant = false
        if case .grant = message { isGrant = true }
        exchange.dial(from: process, to: address, isGrant: isGrant) { [weak self] answer in
            guard let self else {
                if case .connected(let end) = answer { end.close() }
                return
            }
            switch answer {
            case .connected(let end): connected(end, message)
            case .refused: finish(.failed(.unreachable))
            case .local: finish(.failed(.local))
            }
        }
    }

    /// Its outcome is of no interest any more; the connection stays as it is.
    func abandon() {
        onOutcome = nil
        timer?.cancel()
        timer = nil
    }

    func close() {
        abandon()
        isClosed = true
        end?.close()
        end = nil
    }

    private func connected(_ end: PipeEnd, _ message: PeerMessage) {
        guard !isClosed else { return end.close() }
        self.end = end
        end.onEnd = { [weak self] in
            self?.end = nil
            self?.finish(.failed(.unreachable))
        }
        // Once abandoned, the grant must not be used: the connection is held without a word.
        guard onOutcome != nil else { return }
        end.onMessage = { [weak self] in self?.heard($0) }
        end.send(message)
    }

    private func heard(_ message: PeerMessage) {
        guard onOutcome != nil, let end else { return }
        switch message {
        case .proof(nonce):
            self.end = nil
            end.onMessage = { _ in }
            end.onEnd = {}
            finish(.proved(end))
        case .alive(nonce):
            end.close()
            finish(.alive)
        case .reject(let reason, nonce):
            end.close()
            finish(.failed(.rejected(reason)))
        case .proof, .alive, .reject, .grant, .probe, .bytes:
            end.close()
            finish(.failed(.unreachable))
        }
    }

    private func finish(_ outcome: Outcome) {
        let call = onOutcome
        abandon()
        call?(outcome)
    }
}
