/// A load test as its file describes it, with everything resolved: rates are per second, bursts are counts. Times are
/// microseconds.
public struct Scenario: Hashable, Sendable {
    public var name: String
    /// The question that a run answers.
    public var question: String
    /// The slots that the system under test offers.
    public var slots: Int
    /// How many gateways Berth's own fleet has, if the run starts one.
    public var gateways: Int
    /// How long clients arrive. A burst arrives at once, so it has no duration.
    public var durationMicroseconds: Int
    /// Whether the gateways of Berth's own fleet restart meanwhile, one after the other.
    public var rolls: Bool
    public var tenants: [LoadTenant]
    public var streams: [ArrivalStream]

    /// The tenants of the file. Those of one entry with a `count` are one group.
    public var groups: [String] {
        var names: [String] = []
        for tenant in tenants where names.last != tenant.group { names.append(tenant.group) }
        return names
    }
}

/// One tenant, and how its sessions go.
public struct LoadTenant: Hashable, Sendable {
    public var name: String
    /// The entry of the file that the tenant comes from.
    public var group: String
    /// Most slots at once; nil for no cap.
    public var cap: Int?
    /// The key that its clients send; nil for the header `x-berth-tenant`.
    public var token: String?
    public var hold: HoldTime
    public var frames: FrameMix
    /// Between two sessions of a client of a closed model.
    public var thinkMicroseconds: Int
    /// After how long a client that waits gives up and resets its connection; nil for never.
    public var patienceMicroseconds: Int?
    /// Most bytes that a client reads in a second; nil for no bound.
    public var readBytesASecond: Int?
}

/// One stream of arriving clients. Each arrival draws its tenant by weight.
public struct ArrivalStream: Hashable, Sendable {
    public var model: ArrivalModel
    /// Indices into `Scenario.tenants`.
    public var tenants: [Int]
    public var weights: [Double]
}

/// When clients arrive. All models but `closed` are open: a client arrives at its time, however many wait already.
public enum ArrivalModel: Hashable, Sendable {
    case constant(perSecond: Double)
    case poisson(perSecond: Double)
    /// The rate grows or falls evenly over the scenario's duration.
    case ramp(from: Double, to: Double)
    /// All at once.
    case burst(sessions: Int)
    /// So many clients, each with one session after the other.
    case closed(clients: Int)
}
