/// A queue, first in, first out. Both ends take constant time.
public struct Fifo<Element> {
    private var elements: [Element?] = []
    private var head = 0

    public init() {}

    public var count: Int { elements.count - head }
    public var isEmpty: Bool { count == 0 }
    public var first: Element? { isEmpty ? nil : elements[head] }

    public mutating func append(_ element: Element) { elements.append(element) }

    public mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = elements[head]
        elements[head] = nil
        head += 1
        // Cut off the empty front once it is the larger part. So moving elements costs constant time per element.
        if head > 32 && head * 2 > elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }

    /// Inserts these elements before all others, in their order.
    public mutating func prepend(_ front: [Element]) {
        elements.replaceSubrange(0..<head, with: front.map(Optional.some))
        head = 0
    }

    /// Removes and returns all elements, in their order.
    public mutating func takeAll() -> [Element] {
        let all = elements[head...].compactMap { $0 }
        elements = []
        head = 0
        return all
    }
}
