import CLua
import EventLoop

/// One Redis in this process, on a clock and a chance that the test turns, running the shipped scripts in Lua 5.1.
public final class SimulatedRedis {
    /// Microseconds, what TIME answers.
    public var now: Int64 = 0
    /// Told of each PUBLISH; returns the number of receivers.
    public var onPublish: ((_ channel: String, _ message: [UInt8]) -> Int)?
    /// Script calls that wrote.
    public private(set) var commits = 0
    /// The n-th `redis.call` (from 1) of the next script raises an error.
    public var failAtCall: Int?
    /// Whether the last script had written something when it failed.
    public private(set) var wroteBeforeFailure = false

    public init(seed: UInt64) {}

    /// Empties it and draws from another seed; the scripts stay compiled.
    public func reset(seed: UInt64) {}

    public func load(name: String, source: [UInt8]) {}

    public func call(_ script: String, keys: [[UInt8]], arguments: [[UInt8]]) -> RedisReply { .null }

    /// A lost tail: takes the last calls that wrote back.
    public func undo(last commits: Int) {}

    /// Restarted without data; the scripts stay loaded.
    public func empty() {}

    public func hash(_ key: String) -> [(field: String, value: String)] { [] }
    public func field(_ key: String, _ field: String) -> String? { nil }
    public func members(_ key: String) -> [String] { [] }
    public func ranked(_ key: String) -> [(member: String, score: Double)] { [] }
    public func string(_ key: String) -> String? { nil }
    public var keys: [String] { [] }
    public var digest: UInt64 { 0 }
}
