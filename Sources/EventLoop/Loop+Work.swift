import CUV

extension Loop {
    /// Runs `work` on a thread of libuv's pool and hands what it returned to `done`, on the loop: for files and /proc, which
    /// may take their time.
    ///
    /// The loop does not end before `done` was called. `work` shares nothing with the loop: all that it needs is given to it.
    public func runAside<Value: Sendable>(
        _ work: @escaping @Sendable () -> Value, done: @escaping (Value) -> Void
    ) {
        let errand = Errand(work: work, done: done)
        let request = UnsafeMutablePointer<uv_work_t>.allocate(capacity: 1)
        request.pointee.data = Unmanaged<AnyErrand>.passRetained(errand).toOpaque()
        let code = uv_queue_work(
            handle, request,
            { request in
                guard let data = request?.pointee.data else { return }
                Unmanaged<AnyErrand>.fromOpaque(data).takeUnretainedValue().perform()
            },
            { request, _ in
                guard let request, let data = request.pointee.data else { return }
                request.deallocate()
                Unmanaged<AnyErrand>.fromOpaque(data).takeRetainedValue().report()
            })
        precondition(code == 0, "uv_queue_work refuses nothing but a missing callback")
    }
}

/// Work on its way to a thread and back. The thread and the loop have it one after the other, never at once.
private class AnyErrand {
    func perform() {}
    func report() {}
}

private final class Errand<Value: Sendable>: AnyErrand {
    private let work: @Sendable () -> Value
    private let done: (Value) -> Void
    private var value: Value?

    init(work: @escaping @Sendable () -> Value, done: @escaping (Value) -> Void) {
        self.work = work
        self.done = done
    }

    override func perform() { value = work() }

    override func report() {
        if let value { done(value) }
    }
}
