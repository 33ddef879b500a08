import Glibc
import LoadTestCore

/// Shows how a run goes on: a bar on a terminal, elsewhere a line now and then. It writes to standard error, because
/// standard output has the result.
struct ProgressLine {
    private static let barWidth = 24
    /// Between two drawings of the bar, and between two plain lines.
    static let terminalMilliseconds: UInt64 = 200
    static let plainMilliseconds: UInt64 = 5_000

    private let isTerminal = isatty(2) == 1

    var milliseconds: UInt64 { isTerminal ? ProgressLine.terminalMilliseconds : ProgressLine.plainMilliseconds }

    func show(_ run: LoadRun) {
        let book = run.recorder.book
        let served = book.tenants.reduce(0) { $0 + $1.served }
        let words =
            "\(run.now / 1_000_000) s: \(book.waiting) wait, \(book.inUse) of \(run.scenario.slots) slots in use, "
            + "\(served) served"
        guard isTerminal else { return ProgressLine.write("\(run.scenario.name): \(words)\n") }
        let done = Int(run.progress * Double(ProgressLine.barWidth))
        let bar = String(repeating: "█", count: done) + String(repeating: "░", count: ProgressLine.barWidth - done)
        ProgressLine.write("\r\(bar) \(words)\u{1B}[K")
    }

    /// Removes the bar.
    func end() { if isTerminal { ProgressLine.write("\r\u{1B}[K") } }

    /// Prints a line of its own.
    static func say(_ words: String) { write("\(words)\n") }

    private static func write(_ text: String) { _ = text.withCString { Glibc.write(2, $0, strlen($0)) } }
}
