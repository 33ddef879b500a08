import EventLoop
import GatewayCore
import QueueCore

/// The driver of the machine `HeldSlot`: the worker's stream, and the lines that come now and then.
final class HeldClient: StreamDelegate {
    private var slot: HeldSlot
    private let loop: Loop
    private let onAction: (HeldSlot.Action) -> Void
    private var timer: Timer?
    private var worker: Stream?

    /// - Parameters:
    ///   - worker: has proved itself.
    ///   - rest: bytes that came behind the proof.
    ///   - onAction: never called from inside a call of this object's owner.
    init(
        _ lease: LeaseID, on worker: Stream, rest: [UInt8], loop: Loop, onAction: @escaping (HeldSlot.Action) -> Void
    ) {
        slot = HeldSlot(lease)
        self.loop = loop
        self.worker = worker
        self.onAction = onAction
        worker.delegate = self
        timer = loop.schedule(after: HeldSlot.heldLineMilliseconds, repeating: HeldSlot.heldLineMilliseconds) {
            [unowned self] in onAction(slot.lineDue())
        }
        loop.afterThisTurn { [self] in
            guard self.worker != nil else { return }
            worker.startReading()
            onAction(slot.answered(rest))
        }
    }

    func drainTimePassed() -> HeldSlot.Action { slot.drainTimePassed() }

    /// Gives the slot back. Idempotent.
    func close() {
        slot.ended()
        timer?.cancel()
        timer = nil
        worker?.close()
        worker = nil
    }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) { onAction(slot.answered(bytes)) }
    func streamReachedEnd(_ stream: Stream) { onAction(slot.workerEnded()) }
    func streamDrained(_ stream: Stream) {}
    func stream(_ stream: Stream, failed error: SystemError) { onAction(slot.workerEnded()) }
}
