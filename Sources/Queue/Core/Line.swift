/// A queue in the order of arrival. Each element has a place, by which it can be removed. Every operation takes
/// constant time, and a removed element takes no memory.
struct Line<Element: Sendable>: Sendable {
    private var elements: [UInt64: Element] = [:]
    private var first: UInt64 = 0
    private var end: UInt64 = 0

    var isEmpty: Bool { elements.isEmpty }

    /// - Returns: the element's place.
    mutating func append(_ element: Element) -> UInt64 {
        elements[end] = element
        end += 1
        return end - 1
    }

    mutating func remove(at place: UInt64) { elements[place] = nil }

    mutating func popFirst() -> Element? {
        guard !elements.isEmpty else {
            first = end
            return nil
        }
        // The loop visits each place only once, so it takes constant time per element.
        while true {
            first += 1
            if let element = elements.removeValue(forKey: first - 1) { return element }
        }
    }
}
