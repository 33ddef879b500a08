import QueueCore
import WorkerCore

/// A lease's connections at the worker, as `Session` holds them: the gateway's, the sidecar's, and after the proof the
/// relay between them.
final class SimulatedSession {
    enum Event {
        case sidecarConnected, sidecarUnreachable
        /// The gateway ended before the proof, or sent what it must not.
        case gatewayClosed
        case ended(bySidecar: Bool)
    }

    let grant: Wire.GrantRequest
    let client: Int
    private let gateway: PipeEnd
    private var onEvent: ((Event) -> Void)?
    private(set) var isProved = false

    init(_ grant: Wire.GrantRequest, client: Int, gateway: PipeEnd, onEvent: @escaping (Event) -> Void) {
        self.grant = grant
        self.client = client
        self.gateway = gateway
        self.onEvent = onEvent
        gateway.onEnd = { [weak self] in self?.gatewayEnded() }
        gateway.onMessage = { [weak self] _ in self?.heard() }
    }

    func connect(_ process: SimulatedProcess, takes delay: Int64, succeeds: Bool) {
        _ = process.schedule(after: delay) { [weak self] in
            self?.onEvent?(succeeds ? .sidecarConnected : .sidecarUnreachable)
        }
    }

    /// The point of no return.
    func prove() {
        isProved = true
        gateway.send(.proof(nonce: grant.nonce))
    }

    /// The sidecar ends the connection by itself.
    func sidecarHungUp() {
        if isProved { onEvent?(.ended(bySidecar: true)) }
    }

    /// Ends it as its slot decided. No event comes after this.
    func end(_ farewell: Slot.Vacated.Farewell) {
        onEvent = nil
        if case .reject(let reason) = farewell { gateway.send(.reject(reason, nonce: grant.nonce)) }
        gateway.close()
    }

    private func gatewayEnded() { onEvent?(isProved ? .ended(bySidecar: false) : .gatewayClosed) }

    private func heard() {
        if !isProved { onEvent?(.gatewayClosed) }
    }
}
