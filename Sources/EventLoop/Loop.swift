import CUV
import Glibc

/// One libuv loop and what all its handles share.
///
/// A loop and everything made on it belong to the thread that runs it. Nothing here is `Sendable`.
public final class Loop {
    /// All streams of a loop read into this one buffer: its bytes are valid during the delegate's call only.
    static let readBufferBytes = 256 * 1024

    let handle: UnsafeMutablePointer<uv_loop_t>
    let readBuffer: UnsafeMutablePointer<CChar>
    private let turnEnd: UnsafeMutablePointer<uv_idle_t>
    private var deferred: [() -> Void] = []
    /// By pid: started on this loop, and their status not taken yet.
    var children: [Int32: ChildProcess] = [:]
    /// Set where this process also reaps what others left to it.
    weak var orphans: Orphans?
    private var isRunning = false
    private var isClosed = false

    /// A write to a connection that the peer closed must be an error of that connection, not the end of the process.
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
        // A loop that was not closed may still be known to the kernel: leaking it is the safe end.
        guard isClosed else { return }
        handle.deallocate()
        readBuffer.deallocate()
        turnEnd.deallocate()
    }

    /// Milliseconds of the monotonic clock, as of the start of this turn of the loop.
    public var now: UInt64 { uv_now(handle) }

    /// Runs until `stop()` or until nothing is left that could call back.
    public func run() {
        isRunning = true
        _ = uv_run(handle, UV_RUN_DEFAULT)
        isRunning = false
    }

    /// Runs until the condition holds, at most so long. Answers whether it holds.
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

    /// Ends the loop. False when a handle was left open, which is a leak: every test asserts true.
    public func close() -> Bool {
        if isClosed { return true }
        let idle = UnsafeMutableRawPointer(turnEnd).assumingMemoryBound(to: uv_handle_t.self)
        // What was closed just now still owes its close callbacks, and those may close more.
        for _ in 0..<4 { _ = uv_run(handle, UV_RUN_NOWAIT) }
        if uv_is_closing(idle) == 0 { uv_close(idle, nil) }
        _ = uv_run(handle, UV_RUN_NOWAIT)
        isClosed = uv_loop_close(handle) == 0
        return isClosed
    }

    /// Calls `body` after so many milliseconds, and then again each `repeating` milliseconds (0: never again).
    @discardableResult
    public func schedule(after milliseconds: UInt64, repeating: UInt64 = 0, _ body: @escaping () -> Void) -> Timer {
        // Outside of a run the cached time is that of the last turn, and the timer would fire early.
        if !isRunning { uv_update_time(handle) }
        return Timer(loop: self, after: milliseconds, repeating: repeating, body)
    }

    /// Calls `body` once the callbacks of this turn are done: for whoever must not be called back from inside a call.
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
