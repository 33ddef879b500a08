import EventLoop
import RedisClient

/// One Redis in this process, on a clock and a chance that the test turns, running the shipped scripts in Lua 5.1.
///
/// The same seed and the same calls give the same replies, whatever machine or run. What Redis leaves open (what SPOP
/// takes, in which order SMEMBERS tells) the seed decides. One thread at a time; several stores share nothing.
public final class SimulatedRedis {
    private let space = Keyspace()
    private let chance = Chance()
    private let host: LuaHost
    /// Symbols that were read, as texts.
    private var texts: ContiguousArray<String?> = []

    public init(seed: UInt64) {
        chance.start(seed)
        host = LuaHost(space: space, chance: chance)
    }

    /// As a new one with this seed, but the scripts stay compiled. The clock and `onPublish` stay.
    public func reset(seed: UInt64) {
        empty()
        chance.start(seed)
    }

    // MARK: - Outside of it

    /// Microseconds, what TIME answers. It stands still until somebody turns it.
    public var now: Int64 {
        get { host.now }
        set { host.now = newValue }
    }

    /// Told of each PUBLISH, while its script runs; returns the number of receivers. None: nobody listens.
    public var onPublish: ((_ channel: String, _ message: [UInt8]) -> Int)? {
        get { host.onPublish }
        set { host.onPublish = newValue }
    }

    /// At `maxmemory`: scripts without `allow-oom` are refused.
    public var isFull: Bool {
        get { host.isFull }
        set { host.isFull = newValue }
    }

    // MARK: - Scripts

    /// Compiles a script. Its first line may be `#!lua` with flags; what does not compile is a defect and ends the test.
    public func load(name: String, source: [UInt8]) { host.load(name, source) }

    /// - Returns: the script's reply; an error reply where it failed, and then what it had written stays, as in Redis.
    public func call(_ script: String, keys: [[UInt8]], arguments: [[UInt8]]) -> RedisReply {
        host.run(script, keys, arguments)
    }

    /// The n-th `redis.call` (from 1) of the next script raises an error.
    public var failAtCall: Int? {
        get { host.failAtCall }
        set { host.failAtCall = newValue }
    }

    /// Calls of Redis that the last script made.
    public var commandsOfLastCall: Int { host.calls }

    /// Whether the last script failed after it had written something.
    public var wroteBeforeFailure: Bool { host.wroteBeforeFailure }

    // MARK: - Losing data

    /// Script calls that wrote and stand.
    public var commits: Int { space.commits }

    /// How many of the last calls can be taken back, at least, if so many were made.
    public static let undoneMax = Keyspace.undoneMax

    /// A lost tail: the last calls that wrote have never been. At most `undoneMax`.
    public func undo(last commits: Int) { space.undo(last: commits) }

    /// Restarted without data; the scripts stay loaded.
    public func empty() {
        space.empty()
        texts.removeAll(keepingCapacity: true)
    }

    // MARK: - Reading, for who checks

    /// By field.
    public func hash(_ key: String) -> [(field: String, value: String)] {
        rows(key).map { (text($0.symbol), text(Symbol($0.bits))) }.sorted { $0.field < $1.field }
    }

    public func field(_ key: String, _ field: String) -> String? {
        guard let value = find(key), value.kind == .hash else { return nil }
        return value.bits(of: Bytes.of(field) { space.symbols.find($0) }).map { text(Symbol($0)) }
    }

    /// Of a set, sorted.
    public func members(_ key: String) -> [String] { rows(key).map { text($0.symbol) }.sorted() }

    /// Of a sorted set, in its order.
    public func ranked(_ key: String) -> [(member: String, score: Double)] {
        (find(key)?.order ?? []).map { (text($0.member), $0.score) }
    }

    public func string(_ key: String) -> String? {
        guard let value = find(key), value.kind == .string else { return nil }
        return text(Symbol(value.bits(of: 0)!))
    }

    /// The same where it is no text.
    public func bytes(_ key: String) -> [UInt8]? {
        guard let value = find(key), value.kind == .string else { return nil }
        let bytes = space.symbols[Symbol(value.bits(of: 0)!)]
        return Array(UnsafeBufferPointer(start: bytes.base, count: bytes.count))
    }

    /// `string`, `hash`, `set` or `zset`.
    public func type(_ key: String) -> String? { find(key).map { "\($0.kind.name)" } }

    /// Sorted.
    public var keys: [String] { space.keys.entries.map { text($0.symbol) }.sorted() }

    /// The keys that were written to since the last time this was asked, by whoever asked; nil: all may be others.
    public func touchedKeys() -> [String]? { space.takeTouched()?.map { text($0) } }

    /// A number for what stands under each key, whatever its history.
    public var digests: [String: UInt64] {
        var digests: [String: UInt64] = [:]
        for entry in space.keys.entries { digests[text(entry.symbol)] = space.value(entry.symbol)!.digest }
        return digests
    }

    /// Of the whole content; equal contents have equal ones, whatever led there.
    public var digest: UInt64 { space.digest }

    private func find(_ key: String) -> StoredValue? { Bytes.of(key) { space.find($0) } }

    private func rows(_ key: String) -> ContiguousArray<SymbolTable.Entry> { find(key)?.table.entries ?? [] }

    private func text(_ symbol: Symbol) -> String {
        let index = Int(symbol)
        if index < texts.count, let known = texts[index] { return known }
        while texts.count <= index { texts.append(nil) }
        let text = space.symbols[symbol].text
        texts[index] = text
        return text
    }
}
