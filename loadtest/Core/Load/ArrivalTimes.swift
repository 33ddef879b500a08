/// The times at which the clients of an open model arrive, in microseconds since the start, in order.
public struct ArrivalTimes: IteratorProtocol, Sequence, Sendable {
    private let model: ArrivalModel
    private let duration: Int
    private var random: SeededRandom
    private var count = 0
    private var last = 0.0

    /// - Parameter duration: microseconds during which clients arrive. A burst ignores it.
    public init(_ model: ArrivalModel, duration: Int, random: SeededRandom) {
        (self.model, self.duration, self.random) = (model, duration, random)
    }

    /// Nil after the last. A closed model has none, because its clients arrive when their sessions end.
    public mutating func next() -> Int? {
        defer { count += 1 }
        switch model {
        case .closed: return nil
        case .burst(let sessions): return count < sessions ? 0 : nil
        case .constant(let rate): return within(Double(count) / rate * 1e6)
        case .poisson(let rate):
            last += random.exponential(mean: 1e6 / rate)
            return within(last)
        case .ramp(let from, let to): return time(ofArrival: Double(count), from: from, to: to).flatMap(within)
        }
    }

    private func within(_ time: Double) -> Int? { time < Double(duration) ? Int(time) : nil }

    /// The time at which the integral of the rate reaches the count: from·t + (to − from)·t² / 2·duration.
    private func time(ofArrival count: Double, from: Double, to: Double) -> Double? {
        let slope = (to - from) / (Double(duration) / 1e6)
        guard slope != 0 else { return count / from * 1e6 }
        let root = from * from + 2 * slope * count
        // A falling rate never reaches the count.
        guard root >= 0 else { return nil }
        return (root.squareRoot() - from) / slope * 1e6
    }
}
