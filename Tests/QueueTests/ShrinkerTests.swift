import Testing

@Suite struct ShrinkerTests {
    @Test func onlyWhatIsNeededStays() {
        var tries = 0
        let left = Shrinker(seconds: 10).shrink(Array(1...1_000)) { steps in
            tries += 1
            return [7, 430, 431, 990].allSatisfy(steps.contains)
        }
        #expect(left == [7, 430, 431, 990])
        #expect(tries < 300)
    }

    @Test func whatFailsByItselfIsLeftAlone() {
        #expect(Shrinker(seconds: 10).shrink([3]) { _ in true } == [3])
    }

    /// A bug planted in a script: the walk finds it, and the few steps that remain find it again.
    @Test func aPlantedBugIsShownInFewSteps() throws {
        let plant = { (name: String, source: String) in
            guard name == "ready" else { return source }
            let planted = source.replacingOccurrences(
                of: "    settle()\nend\nreturn finish('ok')", with: "end\nreturn finish('ok')")
            #expect(planted != source)
            return planted
        }
        let steps = try #require(Walk.failure(seed: 1, Array(1...2_000), plant: plant)).steps
        let kind = try #require(Walk.failure(seed: 1, steps, plant: plant)).kind
        let few = Shrinker(seconds: 20).shrink(steps) { Walk.failure(seed: 1, $0, plant: plant)?.kind == kind }
        #expect(few.count <= 10, "\(few)")
        #expect(Walk.failure(seed: 1, few, plant: plant)?.kind == kind)
        #expect(Walk.failure(seed: 1, few) == nil, "it is the planted bug that they show")
        print("shrinker: \(kind) after \(steps.count) steps, shown by \(few.count)")
    }
}
