/// The course of a run in steps of equal length. Each array has one value for each step, but for `memory`.
public struct Timeline: Codable, Hashable, Sendable {
    public var stepMilliseconds: Int
    public var waiting: [Int] = []
    public var inUse: [Int] = []
    /// Sessions served since the start.
    public var served: [Int] = []
    /// Slots in use, by group of tenants.
    public var groups: [Group]
    /// Jain's index over the tenants that waited during the last whole second; nil if none did.
    public var fairness: [Double?] = []
    /// Resident bytes of the system under test, if the run started it.
    public var memory: [Memory] = []

    public struct Group: Codable, Hashable, Sendable {
        public var name: String
        public var inUse: [Int] = []
    }

    public struct Memory: Codable, Hashable, Sendable {
        /// Milliseconds since the start.
        public var at: Int
        /// Connections of clients, waiting and served.
        public var connections: Int
        public var gateways, workers, redis: Int

        public init(at: Int, connections: Int, gateways: Int, workers: Int, redis: Int) {
            (self.at, self.connections) = (at, connections)
            (self.gateways, self.workers, self.redis) = (gateways, workers, redis)
        }
    }

    public init(stepMilliseconds: Int, groups: [String]) {
        self.stepMilliseconds = stepMilliseconds
        self.groups = groups.map { Group(name: $0) }
    }

    /// - Parameter groupOf: the group of each tenant of the book.
    mutating func add(_ book: SessionBook, groupOf: [Int], fairness index: Double?) {
        waiting.append(book.waiting)
        inUse.append(book.inUse)
        served.append(book.tenants.reduce(0) { $0 + $1.served })
        fairness.append(index)
        var sums = [Int](repeating: 0, count: groups.count)
        for (tenant, group) in zip(book.tenants, groupOf) { sums[group] += tenant.inUse }
        for index in groups.indices { groups[index].inUse.append(sums[index]) }
    }
}
