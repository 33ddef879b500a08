import CUV

/// A scheduled call, made by `Loop.schedule`. It needs no owner, because the loop keeps it until it fired or was
/// cancelled.
public final class Timer {
    private let loop: Loop
    private let handle: UnsafeMutablePointer<uv_timer_t>
    private let repeats: Bool
    private var body: (() -> Void)?

    init(loop: Loop, after milliseconds: UInt64, repeating: UInt64, _ body: @escaping () -> Void) {
        self.loop = loop
        self.body = body
        repeats = repeating > 0
        handle = .allocate(capacity: 1)
        uv_timer_init(loop.handle, handle)
        handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
        uv_timer_start(
            handle,
            { handle in
                guard let data = handle?.pointee.data else { return }
                Unmanaged<Timer>.fromOpaque(data).takeUnretainedValue().fire()
            }, milliseconds, repeating)
    }

    deinit { handle.deallocate() }

    /// Ends the timer and releases `body`, which is not called any more. Idempotent.
    public func cancel() {
        guard body != nil else { return }
        body = nil
        uv_close(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)) { handle in
            guard let data = handle?.pointee.data else { return }
            Unmanaged<Timer>.fromOpaque(data).release()
        }
    }

    private func fire() {
        let call = body
        if !repeats { cancel() }
        call?()
    }
}
