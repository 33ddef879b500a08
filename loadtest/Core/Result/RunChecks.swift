/// The checks of a run. A run that breaks one is void: its figures describe the generator, or another system than the
/// scenario says.
public struct RunChecks: Codable, Hashable, Sendable {
    /// Little's law (1961): the mean number of clients waiting is the rate of arrivals times the mean wait. The number
    /// is counted as clients really arrive, the wait from when they should: if the generator was late, the law breaks.
    public var clientsWaiting: Double
    public var arrivalsTimesWait: Double
    /// Work conservation: slots in use divided by slots that could have been, over the time in which a client waited
    /// whose tenant was below its cap. Nil if nobody waited longer than a handshake takes.
    public var workConservation: Double?
    /// Why the run is void; empty if it is valid.
    public var void: [String]

    /// The two sides of Little's law may differ by this part, and by this time for each arrival.
    private static let littleShare = 0.05
    private static let littleMicroseconds = 2_000.0
    /// Below this, slots stood idle although clients waited for them.
    private static let workConservationMin = 0.85

    /// - Parameter restarted: gateways that restarted; nil if none was to.
    init(_ figures: RunFigures, restarted: Int? = nil) {
        let microseconds = max(figures.seconds * 1e6, 1)
        let counted = Double(figures.book.waitingMicroseconds)
        let waited = Double(figures.waitSum)
        clientsWaiting = counted / microseconds
        arrivalsTimesWait = waited / microseconds
        let usable = figures.book.usableMicroseconds
        workConservation = usable > 0 ? Double(figures.book.usedMicroseconds) / Double(usable) : nil
        void = []
        let tolerance =
            max(counted, waited) * RunChecks.littleShare + Double(figures.delays.count) * RunChecks.littleMicroseconds
        if abs(counted - waited) > tolerance {
            void.append(
                "Little's law: \(one(clientsWaiting)) clients waited on average, but arrivals times wait are "
                    + "\(one(arrivalsTimesWait)): the load generator was late, so use a lower rate or more generators")
        }
        if let share = workConservation, share < RunChecks.workConservationMin {
            void.append(
                "work conservation: \(one(share * 100)) % of the slots that waiting clients could use were in use: the "
                    + "scenario's `slots` are not all there, or the system under test leaves slots idle")
        }
        if figures.book.inUseMost > figures.scenario.slots {
            void.append(
                "\(figures.book.inUseMost) sessions at once, but the scenario has \(figures.scenario.slots) slots: "
                    + "give the real number with --slots")
        }
        for (tenant, sums) in zip(figures.scenario.tenants, figures.book.tenants) {
            guard let cap = tenant.cap, sums.inUseMost > cap else { continue }
            void.append("\(tenant.name) had \(sums.inUseMost) sessions at once, but its cap is \(cap)")
        }
        if figures.isCut { void.append("sessions had not ended when the time was up") }
        if let restarted, restarted < figures.scenario.gateways {
            void.append("only \(restarted) of \(figures.scenario.gateways) gateways restarted during the run")
        }
        if figures.waits.count == 0 { void.append("no client got a slot") }
    }
}

/// With one decimal.
func one(_ number: Double) -> String {
    let tenths = Int((number * 10).rounded())
    return "\(tenths / 10).\(abs(tenths % 10))"
}
