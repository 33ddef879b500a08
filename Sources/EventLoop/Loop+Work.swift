import CUV

extension Loop {
    /// Runs `work` on a thread of libuv's pool, then calls `done` on the loop with the result. For slow operations on
    /// files and /proc.
    ///
    /// The loop does not end before `done` was called. `work` shares no data with the loop.
    public func runAside<Value: Sendable>(
        _ work: @escaping @Sendable () -> Value, done: @escaping (Value) -> Void
    ) {
        let item = WorkItem(work: work, done: done)
        let request = UnsafeMutablePointer<uv_work_t>.allocate(capacity: 1)
        request.pointee.data = Unmanaged<AnyWorkItem>.passRetained(item).toOpaque()
        let code = uv_queue_work(
            handle, request,
            { request in
                guard let data = request?.pointee.data else { return }
                Unmanaged<AnyWorkItem>.fromOpaque(data).takeUnretainedValue().perform()
            },
            { request, _ in
                guard let request, let data = request.pointee.data else { return }
                request.deallocate()
                Unmanaged<AnyWorkItem>.fromOpaque(data).takeRetainedValue().report()
            })
        precondition(code == 0, "uv_queue_work refuses nothing but a missing callback")
    }
}

/// A work item that goes to a thread and back. The thread and the loop use it one after the other, never at the same
/// time.
private class AnyWorkItem {
    func perform() {}
    func report() {}
}

private final class WorkItem<Value: Sendable>: AnyWorkItem {
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
