import QueueCore
import TestSupport
import Testing

/// Random operations, each judged by `audit`, by a full key scan and by the model.
///
/// `BERTH_MODEL_SEEDS=n` runs n seeds, `BERTH_MODEL_SEED=s` the seed s alone, `BERTH_MODEL_STEPS=n` n operations each,
/// `BERTH_MODEL_ONLY=i,j,…` only these. A failure is reported with the fewest operations that show it.
@Suite struct ModelTests {
    static var seeds: [UInt64] {
        if let one = Sample.text("BERTH_MODEL_SEED").flatMap(UInt64.init) { return [one] }
        return Array(1...UInt64(Sample.count("BERTH_MODEL_SEEDS", sample: 2, whole: 20)))
    }

    static var steps: Int { Sample.count("BERTH_MODEL_STEPS", sample: 400, whole: 5_000) }

    /// The steps to take instead of all.
    static var only: [Int]? {
        Sample.text("BERTH_MODEL_ONLY")?.split(separator: ",").compactMap { Int($0) }
    }

    @Test(arguments: seeds) func randomOperationsAgreeWithTheModel(seed: UInt64) {
        let walk = Walk(seed: seed)
        let all = Self.only ?? Array(1...Self.steps)
        for (count, step) in all.enumerated() {
            walk.step(step)
            guard !walk.model.complaints.isEmpty else { continue }
            Issue.record("seed \(seed), \(walk.told)")
            let kind = walk.kind
            let few = Shrinker(seconds: 120).shrink(Array(all[...count])) { Walk.failure(seed: seed, $0)?.kind == kind }
            let short = Walk(seed: seed)
            for step in few { short.step(step) }
            let steps = few.map { String($0) }.joined(separator: ",")
            Issue.record("shown again by BERTH_MODEL_SEED=\(seed) BERTH_MODEL_ONLY=\(steps), \(short.told)")
            return
        }
        print("model: seed \(seed), \(all.count) operations, \(walk.grants) grants")
    }
}
