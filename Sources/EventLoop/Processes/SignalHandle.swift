import CUV
import Glibc

/// One `uv_signal_t`. The loop keeps it until `close()`.
final class SignalHandle {
    private let handle: UnsafeMutablePointer<uv_signal_t>
    private var handler: ((Int32) -> Void)?

    init(loop: Loop, signal: Int32, handler: @escaping (Int32) -> Void) throws(SystemError) {
        handle = .allocate(capacity: 1)
        self.handler = handler
        try SystemError.check(uv_signal_init(loop.handle, handle), "signal")
        handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
        let code = uv_signal_start(
            handle,
            { handle, number in
                guard let data = handle?.pointee.data else { return }
                Unmanaged<SignalHandle>.fromOpaque(data).takeUnretainedValue().handler?(number)
            }, signal)
        if code < 0 {
            close()
            throw SystemError(code: code, operation: "signal \(signal)")
        }
    }

    deinit { handle.deallocate() }

    func close() {
        guard handler != nil else { return }
        handler = nil
        uv_close(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)) { handle in
            guard let data = handle?.pointee.data else { return }
            Unmanaged<SignalHandle>.fromOpaque(data).release()
        }
    }
}

/// Calls back on the loop for each of the given signals of this process, until `close()`. SIGPIPE needs no handler,
/// because every loop ignores it.
public final class Signals {
    private var handles: [SignalHandle] = []

    public init(loop: Loop, _ signals: [Int32], handler: @escaping (Int32) -> Void) throws(SystemError) {
        do throws(SystemError) {
            for signal in signals {
                handles.append(try SignalHandle(loop: loop, signal: signal, handler: handler))
            }
        } catch {
            close()
            throw error
        }
    }

    /// Restores the signals' previous effects. Idempotent.
    public func close() {
        for handle in handles { handle.close() }
        handles = []
    }
}
