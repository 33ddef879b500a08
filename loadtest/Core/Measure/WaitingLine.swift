/// The clients of one tenant that wait, in the order in which their heads were sent. Each operation takes constant time
/// on average: a client that left stays in the line as a gap until it reaches the front.
struct WaitingLine: Sendable {
    private var entries: [(session: Int, sent: Int)] = []
    private var front = 0
    private var sentBySession: [Int: Int] = [:]
    private let orderMicroseconds: Int

    init(orderMicroseconds: Int) { self.orderMicroseconds = orderMicroseconds }

    mutating func append(_ session: Int, sent: Int) {
        entries.append((session, sent))
        sentBySession[session] = sent
    }

    /// True if an earlier client still waits. A session that is not in the line changes nothing.
    mutating func remove(_ session: Int) -> Bool {
        guard let sent = sentBySession.removeValue(forKey: session) else { return false }
        while front < entries.count, !isWaiting(entries[front]) { front += 1 }
        if front > 1_024, front * 2 > entries.count {
            entries.removeFirst(front)
            front = 0
        }
        return front < entries.count && entries[front].sent < sent - orderMicroseconds
    }

    /// False also for a client that was sent again since, to another address.
    private func isWaiting(_ entry: (session: Int, sent: Int)) -> Bool { sentBySession[entry.session] == entry.sent }

    /// How many of those that wait were sent before this time; `most` if there are more.
    func count(sentBefore time: Int, most: Int) -> Int {
        var count = 0
        for entry in entries[front...] where isWaiting(entry) {
            guard entry.sent < time, count < most else { break }
            count += 1
        }
        return count
    }
}
