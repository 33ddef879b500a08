import EventLoop

/// An element with one deadline at a time. The element stores its own place in the heap: a parked client costs one
/// reference here, and its removal needs no search.
protocol HasDeadline: AnyObject {
    /// Milliseconds of the loop's clock.
    var deadline: UInt64 { get set }
    /// Its place in the heap, -1 outside; written by `Deadlines` alone.
    var deadlineIndex: Int32 { get set }
    func deadlinePassed()
}

/// The deadlines of all parked clients: one binary heap, and one timer for the earliest.
final class Deadlines<Element: HasDeadline> {
    private let loop: Loop
    private var heap: [Element] = []
    private var timer: Timer?
    private var armedFor = UInt64.max

    init(loop: Loop) { self.loop = loop }

    var elements: [Element] { heap }
    var count: Int { heap.count }

    /// Sets, or moves, the element's deadline.
    func set(_ element: Element, at deadline: UInt64) {
        element.deadline = deadline
        if element.deadlineIndex < 0 {
            element.deadlineIndex = Int32(heap.count)
            heap.append(element)
        }
        settle(Int(element.deadlineIndex))
        arm()
    }

    /// Does nothing if the element has no deadline.
    func remove(_ element: Element) {
        let index = Int(element.deadlineIndex)
        guard index >= 0 else { return }
        element.deadlineIndex = -1
        let last = heap.removeLast()
        guard index < heap.count else { return }
        place(last, at: index)
        settle(index)
    }

    func close() {
        timer?.cancel()
        timer = nil
        armedFor = .max
    }

    private func arm() {
        // The timer still fires for an earliest deadline that was moved. It then looks for the next one.
        guard let first = heap.first, first.deadline < armedFor else { return }
        timer?.cancel()
        armedFor = first.deadline
        timer = loop.schedule(after: first.deadline > loop.now ? first.deadline - loop.now : 0) { [unowned self] in
            timer = nil
            armedFor = .max
            fire()
        }
    }

    private func fire() {
        while let first = heap.first, first.deadline <= loop.now {
            remove(first)
            first.deadlinePassed()
        }
        arm()
    }

    private func place(_ element: Element, at index: Int) {
        heap[index] = element
        element.deadlineIndex = Int32(index)
    }

    private func settle(_ start: Int) {
        var index = start
        let element = heap[index]
        while index > 0, element.deadline < heap[(index - 1) / 2].deadline {
            place(heap[(index - 1) / 2], at: index)
            index = (index - 1) / 2
        }
        while true {
            var child = 2 * index + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1].deadline < heap[child].deadline { child += 1 }
            guard heap[child].deadline < element.deadline else { break }
            place(heap[child], at: index)
            index = child
        }
        place(element, at: index)
    }
}
