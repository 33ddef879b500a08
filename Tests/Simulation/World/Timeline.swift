import Queue

/// Something that will happen, unless it is taken back.
final class Scheduled: ScheduledCall {
    fileprivate(set) var body: (() -> Void)?

    init(_ body: @escaping () -> Void) { self.body = body }

    func cancel() { body = nil }
}

/// Simulated time: what is to happen, in order. Nothing passes between two events, so that idle time costs nothing.
final class Timeline {
    private struct Entry {
        let time: Int64
        let order: UInt64
        let call: Scheduled

        func comes(before other: Entry) -> Bool { (time, order) < (other.time, other.order) }
    }

    /// Microseconds since the beginning.
    private(set) var now: Int64 = 0
    private var heap: [Entry] = []
    private var order: UInt64 = 0
    private(set) var happened = 0
    /// Time goes on and nothing happens any more.
    var isStopped = false

    @discardableResult
    func after(_ microseconds: Int64, _ body: @escaping () -> Void) -> Scheduled { at(now + microseconds, body) }

    @discardableResult
    func at(_ time: Int64, _ body: @escaping () -> Void) -> Scheduled {
        let call = Scheduled(body)
        order += 1
        heap.append(Entry(time: max(time, now), order: order, call: call))
        rise(heap.count - 1)
        return call
    }

    /// Lets everything happen up to that time, or until `isOver`.
    func run(until end: Int64, isOver: () -> Bool = { false }) {
        while !isStopped, let first = heap.first, first.time <= end, !isOver() {
            takeFirst()
            guard let body = first.call.body else { continue }
            now = first.time
            happened += 1
            first.call.cancel()
            body()
        }
        if !isOver() { now = max(now, end) }
    }

    /// Lets go of everything still to come.
    func end() { heap = [] }

    private func rise(_ start: Int) {
        var index = start
        while index > 0, heap[index].comes(before: heap[(index - 1) / 2]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private func takeFirst() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap[0] = last
        var index = 0
        while true {
            var child = 2 * index + 1
            guard child < heap.count else { return }
            if child + 1 < heap.count, heap[child + 1].comes(before: heap[child]) { child += 1 }
            guard heap[child].comes(before: heap[index]) else { return }
            heap.swapAt(index, child)
            index = child
        }
    }
}

/// Microseconds.
func milliseconds(_ count: Int64) -> Int64 { count * 1_000 }
func seconds(_ count: Int64) -> Int64 { count * 1_000_000 }
