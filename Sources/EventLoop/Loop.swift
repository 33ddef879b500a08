import CUV
import Glibc

/// One libuv loop, and the data that all its handles share.
///
/// A loop and everything made on it belong to the thread that runs it. Nothing here is `Sendable`.
public final class Loop {
    /// All streams of a loop read into one buffer of this size. Its bytes are valid only during the delegate's call.
    static let readBufferBytes = 256 * 1024

    let handle: UnsafeMutablePointer<uv_loop_t>
    let readBuffer: UnsafeMutablePointer<CChar>
    /// Made with the first TLS session.
    private(set) lazy var tlsBuffers = TLSBuffers()
    private let turnEnd: UnsafeMutablePointer<uv_idle_t>
    private var deferred: [() -> Void] = []
    /// Children started on this loop whose status is not collected yet, by pid.
    var children: [Int32: ChildProcess] = [:]
    /// Set if this process also collects the status of orphans.
    weak var orphans: Orphans?
    private var isRunning = false
    private var isClosed = false

    /// A write to a connection that the peer closed must fail only that connection, not end the process.
    private static let ignoreBrokenPipes: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    public init() throws(SystemError) {
        Loop.ignoreBrokenPipes
        handle = .allocate(capacity: 1)
        readBuffer = .allocate(capacity: Loop.readBufferBytes)
        turnEnd = .allocate(capacity: 1)
        let code = uv_loop_init(handle)
        if code < 0 {
            isClosed = true
            throw SystemError(code: code, operation: "loop")
        }
        uv_idle_init(handle, turnEnd)
        handle.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit {
        // The kernel may still know a loop that was not closed, so leak it.
        guard isClosed else { return }
        handle.deallocate()
        readBuffer.deallocate()
        turnEnd.deallocate()
    }

    /// Milliseconds of the monotonic clock, read at the start of this turn of the loop.
    public var now: UInt64 { uv_now(handle) }

    /// Runs until `stop()`, or until no handle is left that could call back.
    public func run() {
        isRunning = true
        _ = uv_run(handle, UV_RUN_DEFAULT)
        isRunning = false
    }

    /// Runs until the condition holds, at most for `timeoutMilliseconds`. Returns whether it holds.
    public func run(until condition: () -> Bool, timeoutMilliseconds: UInt64) -> Bool {
        uv_update_time(handle)
        let deadline = now + timeoutMilliseconds
        let alarm = schedule(after: timeoutMilliseconds, repeating: 1) {}
        defer { alarm.cancel() }
        isRunning = true
        defer { isRunning = false }
        while !condition() {
            if now >= deadline { return false }
            _ = uv_run(handle, UV_RUN_ONCE)
        }
        return true
    }

    /// Ends `run()` after this turn.
    public func stop() { uv_stop(handle) }

    /// Closes the loop. False if a handle is still open, which is a leak. Every test asserts true.
    ///
    /// libuv runs name lookups and file work on threads and cannot cancel a request that has started. The loop waits for
    /// such requests, for at most 5 s.
    public func close() -> Bool {
        if isClosed { return true }
        if handle.pointee.active_reqs.count > 0 {
            _ = run(until: { handle.pointee.active_reqs.count == 0 }, timeoutMilliseconds: 5_000)
        }
        let idle = UnsafeMutableRawPointer(turnEnd).assumingMemoryBound(to: uv_handle_t.self)
        // Handles that were closed just now have close callbacks to run, and those may close more handles.
        for _ in 0..<4 { _ = uv_run(handle, UV_RUN_NOWAIT) }
        if uv_is_closing(idle) == 0 { uv_close(idle, nil) }
        _ = uv_run(handle, UV_RUN_NOWAIT)
        isClosed = uv_loop_close(handle) == 0
        return isClosed
    }

    /// Calls `body` after `milliseconds`, then every `repeating` milliseconds (0: only once).
    @discardableResult
    public func schedule(after milliseconds: UInt64, repeating: UInt64 = 0, _ body: @escaping () -> Void) -> Timer {
        // Outside of `run` the cached time is that of the last turn, so the timer would fire early.
        if !isRunning { uv_update_time(handle) }
        return Timer(loop: self, after: milliseconds, repeating: repeating, body)
    }

    /// Calls `body` after the callbacks of this turn. For callers that must not be called back from inside their own
    /// call.
    public func afterThisTurn(_ body: @escaping () -> Void) {
        deferred.append(body)
        if deferred.count > 1 { return }
        uv_idle_start(turnEnd) { handle in
            guard let handle else { return }
            uv_idle_stop(handle)
            Loop.of(handle.pointee.loop).runDeferred()
        }
    }

    private func runDeferred() {
        let bodies = deferred
        deferred = []
        for body in bodies { body() }
    }

    static func of(_ handle: UnsafeMutablePointer<uv_loop_t>) -> Loop {
        Unmanaged<Loop>.fromOpaque(handle.pointee.data).takeUnretainedValue()
    }
}
