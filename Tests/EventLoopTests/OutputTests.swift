import CUV
import Glibc
import TestSupport
import Testing

@testable import EventLoop

/// What a child prints, however much and whatever it is.
@Suite struct OutputTests {
    private func append(_ text: String, to tail: inout OutputTail) {
        Array(text.utf8).withUnsafeBytes { tail.append($0) }
    }

    @Test func theTailIsExactlyTheLastBytes() {
        for (first, second) in [(8_191, 1), (8_192, 0), (8_192, 1), (1, 8_192), (16_383, 1), (16_384, 5), (0, 100_000)]
        {
            var tail = OutputTail()
            append(String(repeating: "a", count: first), to: &tail)
            append(String(repeating: "b", count: second), to: &tail)
            let expected = (String(repeating: "a", count: first) + String(repeating: "b", count: second)).suffix(8_192)
            let taken = tail.taken()
            #expect(taken.bytes == Array(expected.utf8), "\(first) and \(second)")
            #expect(taken.droppedBytes == UInt64(max(0, first + second - 8_192)))
        }
    }

    @Test func manyPiecesCostABoundedMemory() {
        var tail = OutputTail()
        for _ in 0..<10_000 { append("0123456789", to: &tail) }
        #expect(tail.bytes.count < 2 * OutputTail.tailBytesMax + 10)
        #expect(tail.taken().droppedBytes == 100_000 - 8_192)
    }

    private final class Run {
        var lines: [String] = []
        var exit: ChildProcess.Exit?
        private(set) var child: ChildProcess!

        init(_ loop: Loop, _ shell: String, ignoringAfter last: String? = nil) throws {
            child = try ChildProcess(
                loop: loop, arguments: ["sh", "-c", shell], environment: ["PATH": "/usr/bin:/bin"],
                onLine: { [unowned self] _, line in
                    lines.append(line)
                    if line == last { child.ignoreLines() }
                }, onExit: { [unowned self] in exit = $0 })
        }
    }

    @Test func bytesThatAreNoTextAreLinesAllTheSame() throws {
        let loop = try Loop()
        let run = try Run(loop, "printf 'a\\0b\\n\\377\\376\\n\\033[1m\\rx\\n\\n'")
        loop.expect({ run.exit != nil }, "it ends")
        #expect(run.lines == ["a\0b", "\u{FFFD}\u{FFFD}", "\u{1B}[1m\rx", ""])
        #expect(loop.close())
    }

    @Test func megabytesWithoutANewlineAreOneCutLine() throws {
        let loop = try Loop()
        let run = try Run(loop, "head -c 4000000 /dev/zero | tr '\\0' x; echo; echo next")
        loop.expect({ run.exit != nil }, "it ends")
        #expect(run.lines.map(\.utf8.count) == [LineReader.lineBytesMax, 4])
        #expect(loop.close())
    }

    @Test func linesAreNotDeliveredOnceTheyAreIgnored() throws {
        let loop = try Loop()
        let run = try Run(loop, "seq 100; seq 200000; echo the end", ignoringAfter: "3")
        loop.expect({ run.exit != nil }, "a full pipe does not stop it")
        #expect(run.lines == ["1", "2", "3"])
        let tail = run.child.tail(of: .stdout)
        #expect(tail.bytes.count == 8_192 && String(decoding: tail.bytes, as: UTF8.self).hasSuffix("200000\nthe end\n"))
        #expect(tail.droppedBytes > 1_000_000)
        #expect(loop.close())
    }

    /// One who prints as fast as it can has no more than its share of a turn of the loop.
    @Test func aNoisyChildHasABoundedShareOfEachTurn() throws {
        let loop = try Loop()
        var most = 0
        var before = 0
        let run = try Run(loop, "exec yes x")
        for _ in 0..<2_000 {
            _ = uv_run(loop.handle, UV_RUN_ONCE)
            most = max(most, run.lines.count - before)
            before = run.lines.count
        }
        #expect(before > 1_000)
        #expect((1...LineReader.turnLinesMax).contains(most))
        run.child.signalGroup(SIGKILL)
        loop.expect({ run.exit != nil }, "it ends")
        #expect(loop.close())
    }

    @Test func workIsDoneAsideAndReportedOnTheLoop() throws {
        let loop = try Loop()
        let here = pthread_self()
        var done: [Int] = []
        var isElsewhere = false
        for number in 0..<10 {
            loop.runAside({ (number, pthread_self()) }) { number, thread in
                #expect(pthread_self() == here)
                isElsewhere = thread != here
                done.append(number)
            }
        }
        #expect(done.isEmpty)
        loop.run()
        #expect(done.sorted() == Array(0..<10) && isElsewhere)
        #expect(loop.close())
    }
}
