/// A set that knows its oldest element. A call takes O(1) on average.
///
/// `remove` leaves the element's entry in the line, because a search would cost more. Once most entries of the line are
/// removed ones, the line is rebuilt without them.
public struct OldestFirst<Element: AnyObject> {
    private struct Entry {
        let id: ObjectIdentifier
        let number: UInt64
    }

    private var elements: [ObjectIdentifier: (element: Element, number: UInt64, since: UInt64)] = [:]
    private var line: [Entry] = []
    /// Entries before this one are over.
    private var front = 0
    private var lastNumber: UInt64 = 0

    public init() {}

    public var count: Int { elements.count }

    /// Puts the element last.
    /// - Parameter now: the time that `oldest` returns for the element.
    public mutating func insert(_ element: Element, now: UInt64) {
        lastNumber += 1
        let id = ObjectIdentifier(element)
        elements[id] = (element, lastNumber, now)
        line.append(Entry(id: id, number: lastNumber))
        if line.count > 2 * elements.count + 64 { sweep() }
    }

    /// False for an element that is not there.
    @discardableResult
    public mutating func remove(_ element: Element) -> Bool {
        elements.removeValue(forKey: ObjectIdentifier(element)) != nil
    }

    /// The element that came first, and when.
    public mutating func oldest() -> (element: Element, since: UInt64)? {
        while front < line.count {
            if let found = elements[line[front].id], found.number == line[front].number {
                return (found.element, found.since)
            }
            front += 1
        }
        return nil
    }

    private mutating func sweep() {
        line = line[front...].filter { elements[$0.id]?.number == $0.number }
        front = 0
    }
}
