import EventLoop
import Testing

extension Loop {
    /// Runs until the condition holds; a test fails when it does not within 5 s.
    public func expect(_ condition: () -> Bool, _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation) {
        let held = run(until: condition, timeoutMilliseconds: 5000)
        #expect(held, what, sourceLocation: sourceLocation)
    }

    /// Lets so many milliseconds pass, to show that something does not happen.
    public func turn(milliseconds: UInt64) {
        _ = run(until: { false }, timeoutMilliseconds: milliseconds)
    }
}
