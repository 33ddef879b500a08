import Testing

@testable import WorkerCore

/// The worker is 10 in session 10; its sidecars are 20 ("a") and 30 ("b").
@Suite struct ProcessCensusTests {
    private static let roots: [ProcessCensus.Root] = [
        .init(pid: 20, instance: "a", isOver: false), .init(pid: 30, instance: "b", isOver: false),
    ]
    private static let base = rows([(10, 1, 10), (20, 10, 20), (30, 10, 30), (1, 0, 1), (5, 1, 5)])

    private static func rows(_ list: [(Int32, Int32, Int32)], start: UInt64 = 7) -> [ProcessRow] {
        list.map { ProcessRow(pid: $0.0, parent: $0.1, session: $0.2, start: start) }
    }

    private static func look(
        _ census: inout ProcessCensus, _ more: [(Int32, Int32, Int32)], roots: [ProcessCensus.Root] = roots,
        marks: [Int32: String] = [:], asked: (Int32) -> Void = { _ in }
    ) -> [String: Set<Int32>] {
        census.look(
            at: base + rows(more), roots: roots, own: 10, asksMark: { $0.parent == 10 },
            mark: {
                asked($0)
                return marks[$0]
            }
        ).mapValues { Set($0) }
    }

    @Test func descendantsAndSessionsBelongToTheirSidecar() {
        var census = ProcessCensus()
        let found = Self.look(
            &census,
            [
                (21, 20, 20), (22, 21, 22), (23, 22, 22), (31, 30, 31),
                // Its parent is gone; it kept the session.
                (24, 10, 20),
                // Of somebody else, and of the worker itself.
                (6, 5, 5), (11, 10, 10),
            ])
        #expect(found == ["a": [20, 21, 22, 23, 24], "b": [30, 31]])
    }

    @Test func anOrphanOfItsOwnSessionIsKnownByItsMarkAndItsKinByIt() {
        var census = ProcessCensus()
        var asked: [Int32] = []
        let found = Self.look(
            &census, [(40, 10, 40), (41, 40, 40), (42, 10, 40), (50, 10, 50), (60, 5, 60)], marks: [40: "a", 60: "a"]
        ) { asked.append($0) }
        // 42 overwrote its environment: it is of 40's session. 50 is nobody's; 60 is not the worker's, and not asked.
        #expect(found == ["a": [20, 40, 41, 42], "b": [30]])
        #expect(asked.sorted() == [40, 42, 50])
    }

    /// It wipes its environment, leaves its session and its parent: an earlier look has seen whose it is.
    @Test func whatWasSeenOnceIsRemembered() {
        var census = ProcessCensus()
        #expect(Self.look(&census, [(21, 20, 21)])["a"] == [20, 21])
        #expect(Self.look(&census, [(21, 10, 21)])["a"] == [20, 21])
        // The number of a new process.
        _ = Self.look(&census, [])
        #expect(Self.look(&census, [(21, 10, 21)])["a"] == [20])
    }

    @Test func theNumberOfASidecarThatIsGoneMayBeSomebodyElses() {
        var census = ProcessCensus()
        let over: [ProcessCensus.Root] = [
            .init(pid: 25, instance: "old", isOver: true), .init(pid: 26, instance: "older", isOver: true),
        ]
        let found = Self.look(&census, [(27, 10, 25), (26, 30, 30)], roots: Self.roots + over)
        #expect(found == ["a": [20], "b": [30, 26], "old": [27]])
    }

    @Test func aTableWithLoopsAndGapsEnds() {
        var census = ProcessCensus()
        #expect(
            Self.look(&census, [(70, 71, 70), (71, 70, 71), (72, 72, 72), (73, 99, 73)]) == ["a": [20], "b": [30]])
    }
}
