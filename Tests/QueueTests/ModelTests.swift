import Foundation
import QueueCore
import Testing

/// Random operations, each judged by `audit`, by a full key scan and by the model.
///
/// `BERTH_MODEL_SEEDS=n` runs n seeds instead of the two of CI, `BERTH_MODEL_SEED=s` the seed s alone,
/// `BERTH_MODEL_STEPS=n` n operations each.
@Suite struct ModelTests {
    static var seeds: [UInt64] {
        let environment = ProcessInfo.processInfo.environment
        if let one = environment["BERTH_MODEL_SEED"].flatMap(UInt64.init) { return [one] }
        return Array(1...UInt64(environment["BERTH_MODEL_SEEDS"].flatMap(Int.init) ?? 2))
    }

    static var steps: Int { ProcessInfo.processInfo.environment["BERTH_MODEL_STEPS"].flatMap(Int.init) ?? 10_000 }

    @Test(arguments: seeds) func randomOperationsAgreeWithTheModel(seed: UInt64) {
        let walk = Walk(seed: seed)
        for step in 1...Self.steps {
            walk.step()
            guard walk.model.complaints.isEmpty else {
                Issue.record(
                    """
                    seed \(seed), step \(step):
                    \(walk.model.complaints.joined(separator: "\n"))
                    after
                    \(walk.recent.joined(separator: "\n"))
                    """)
                return
            }
        }
        print("model: seed \(seed), \(Self.steps) operations, \(walk.grants) grants")
    }
}
