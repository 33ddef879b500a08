/// A queue of elements, first in, first out; both ends in constant time.
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
        // The dead front is cut off when it is the larger part, so each element is moved once at most.
        if head > 32 && head * 2 > elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }

    /// Puts these before all others, in their order.
    public mutating func prepend(_ front: [Element]) {
        elements.replaceSubrange(0..<head, with: front.map(Optional.some))
        head = 0
    }

    /// Takes all out, in order.
    public mutating func takeAll() -> [Element] {
        let all = elements[head...].compactMap { $0 }
        elements = []
        head = 0
        return all
    }
}
