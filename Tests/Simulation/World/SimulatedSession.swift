import EventLoop
import QueueCore
import SimulationChecks
import Worker
import WorkerCore

/// A lease's connection at a simulated worker: the gateway's end, and the time that the sidecar takes.
final class SimulatedSession: SlotSession {
    let grant: Wire.GrantRequest
    let bytes: (fromClient: UInt64, toClient: UInt64) = (0, 0)
    private let client: Int
    private let gateway: PipeEnd
    private unowned let worker: SimulatedWorker
    private var onEvent: ((SessionEvent) -> Void)?
    private var isProved = false

    init(_ grant: Wire.GrantRequest, client: Int, gateway: PipeEnd, worker: SimulatedWorker) {
        self.grant = grant
        self.client = client
        self.gateway = gateway
        self.worker = worker
    }

    func begin(on endpoint: SidecarEndpoint?, onEvent: @escaping (SessionEvent) -> Void) {
        self.onEvent = onEvent
        gateway.onEnd = { [weak self] in self?.gatewayEnded() }
        gateway.onMessage = { [weak self] _ in self?.heard() }
        let (delay, succeeds) = worker.connectsSidecar()
        _ = worker.process.schedule(after: delay) { [weak self] in
            let refusal = SystemError(code: -111, operation: "connect")
            self?.onEvent?(succeeds ? .sidecarConnected : .sidecarUnreachable(refusal))
        }
    }

    func prove() {
        isProved = true
        gateway.send(.proof(nonce: grant.nonce))
        worker.began(self, client: client)
    }

    /// The sidecar ends the connection by itself.
    func sidecarHungUp() { onEvent?(.ended(.sidecarClosed)) }

    func end(_ farewell: Slot.Vacated.Farewell, saying words: ClosingWords?) {
        onEvent = nil
        if isProved { worker.ended(self) }
        if case .reject(let reason) = farewell { gateway.send(.reject(reason, nonce: grant.nonce)) }
        gateway.close()
    }

    private func gatewayEnded() { onEvent?(isProved ? .ended(.clientDropped) : .gatewayClosed) }

    private func heard() {
        if !isProved { onEvent?(.gatewayClosed) }
    }
}
