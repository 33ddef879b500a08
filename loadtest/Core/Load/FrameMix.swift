/// The messages of a session. The client sends each message at its time, evenly spread over the hold time, and the
/// server answers it.
public struct FrameMix: Hashable, Sendable {
    /// One message up, and the answer to it.
    public struct Exchange: Hashable, Sendable {
        /// Bytes of payload.
        public var up: Int
        /// Bytes of payload that the answer is asked to have. An echo server that does not know the request answers as
        /// many as it received.
        public var down: Int
    }

    /// `none`, `playwright`, `cdp`, or `count x bytes`.
    public let name: String
    /// Exchanges of a session.
    public let count: Int
    private let small: Exchange
    /// Bytes of the large answers, spread evenly among the exchanges: screenshots, traces, bodies.
    private let large: [Int]

    public static let none = FrameMix(name: "none", count: 0, small: Exchange(up: 0, down: 0), large: [])
    /// A typical test of Playwright: 140 frames, 98 % of them small, 1.5 MB in all.
    public static let playwright = FrameMix(
        name: "playwright", count: 70, small: Exchange(up: 200, down: 400), large: [100_000, 400_000, 1_000_000])
    /// The same test over CDP: 1,200 frames.
    public static let cdp = FrameMix(
        name: "cdp", count: 600, small: Exchange(up: 150, down: 300), large: [100_000, 400_000, 1_000_000])

    /// So many messages of one size, each way.
    public static func even(count: Int, bytes: Int) -> FrameMix {
        FrameMix(name: "\(count) x \(bytes)", count: count, small: Exchange(up: bytes, down: bytes), large: [])
    }

    /// - Parameter number: from 0 to `count` - 1.
    public func exchange(_ number: Int) -> Exchange {
        let stride = large.isEmpty ? 0 : count / large.count
        guard stride > 0, number % stride == stride / 2, number / stride < large.count else { return small }
        return Exchange(up: small.up, down: large[number / stride])
    }
}
