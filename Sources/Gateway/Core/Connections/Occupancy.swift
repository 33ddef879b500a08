/// Counts the gateway's descriptors by their use, and decides whether there is room for one more.
public struct Occupancy: Sendable {
    /// The owner that a connection's descriptor is counted for, from accept to close.
    public enum Place: Hashable, Sendable {
        /// The connection belongs to no tenant: its head is not whole, or it was refused.
        case stranger
        /// The connection was accepted only to be refused with `gateway_full`.
        case beyondBudget
        case tenant(String)
    }

    public var budget: DescriptorBudget
    /// Connections that no relay has.
    public private(set) var parked = 0
    public private(set) var relayed = 0
    private var beyondBudget = 0
    private var ofTenants: [String: Int] = [:]

    public init(budget: DescriptorBudget) { self.budget = budget }

    /// Further clients stay in the listener's backlog until this is true.
    public var mayAccept: Bool { beyondBudget < budget.refusedMax }

    /// A connection was accepted.
    public mutating func accepted() -> Place {
        let place = budget.admits(parked: parked, relayed: relayed) ? Place.stranger : .beyondBudget
        parked += 1
        if place == .beyondBudget { beyondBudget += 1 }
        return place
    }

    /// A connection has brought a tenant's key or name.
    /// - Parameter max: the tenant's `connectionsMax`.
    /// - Returns: the connection's place; `nil` if the tenant has that many already.
    public mutating func enter(_ tenant: String, max: Int) -> Place? {
        let count = ofTenants[tenant] ?? 0
        guard count < max else { return nil }
        ofTenants[tenant] = count + 1
        return .tenant(tenant)
    }

    public mutating func relayBegan() {
        parked -= 1
        relayed += 1
    }

    /// A relayed connection was closed.
    public mutating func relayEnded(_ place: Place) {
        relayed -= 1
        leave(place)
    }

    /// A connection was closed that no relay had.
    public mutating func closed(_ place: Place) {
        parked -= 1
        leave(place)
    }

    private mutating func leave(_ place: Place) {
        switch place {
        case .stranger: break
        case .beyondBudget: beyondBudget -= 1
        case .tenant(let name):
            let count = ofTenants[name] ?? 0
            ofTenants[name] = count > 1 ? count - 1 : nil
        }
    }
}
