import EventLoop
import RedisClient
import SimulatedRedis

/// The same calls to a real and to a simulated Redis, and what differs.
public final class BothStores {
    public let real: RealRedis
    public let simulated: SimulatedRedis
    private var known: [String: [UInt8]] = [:]

    /// All that is there, line by line: key, kind, and entries with scores or values. The order is for who reads to make.
    private static let contents = """
        local out = {}
        for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
            local kind = redis.call('TYPE', key).ok
            local rows, step = nil, 2
            if kind == 'string' then rows, step = { redis.call('GET', key) }, 1
            elseif kind == 'hash' then rows = redis.call('HGETALL', key)
            elseif kind == 'set' then rows, step = redis.call('SMEMBERS', key), 1
            else rows = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end
            for i = 1, #rows, step do
                out[#out + 1] = { key, kind, rows[i], step == 2 and rows[i + 1] or '' }
            end
        end
        return out
        """

    public init(seed: UInt64) throws {
        real = try RealRedis()
        simulated = SimulatedRedis(seed: seed)
        load("contents", Self.contents)
    }

    /// - Parameter here: the source for the simulated one, where it is another.
    public func load(_ name: String, _ source: String, here: String? = nil) {
        simulated.load(name: name, source: bytes(here ?? source))
        let reply = real.command(bytes("SCRIPT"), bytes("LOAD"), bytes(source))
        guard case .bulk(let hash) = reply else { preconditionFailure("\(name): \(reply)") }
        known[name] = hash
    }

    public func words(_ script: String, _ keys: [[UInt8]], _ arguments: [[UInt8]]) -> [[UInt8]] {
        [bytes("EVALSHA"), known[script]!, bytes(String(keys.count))] + keys + arguments
    }

    /// Both replies, where they name the script by one name.
    public func call(_ script: String, keys: [[UInt8]] = [], _ arguments: [[UInt8]] = []) -> (RedisReply, RedisReply) {
        let answer = real.pipeline([words(script, keys, arguments)])[0]
        return (plain(answer), plain(simulated.call(script, keys: keys, arguments: arguments)))
    }

    /// The script's name stands in an error's words: its hash here, its name there.
    public func plain(_ reply: RedisReply) -> RedisReply {
        guard case .error(let words) = reply, let start = words.firstRange(of: " script: "),
            let end = words.firstRange(of: ", on @")
        else { return reply }
        return .error(String(words[..<start.upperBound] + words[end.lowerBound...]))
    }

    /// Lines that only one of them has.
    /// - Parameter prefix: of the keys looked at.
    public func differences(under prefix: String = "") -> [String] {
        let (there, here) = call("contents", [bytes(prefix + "*")])
        let (real, simulated) = (lines(there), lines(here))
        return
            (real.subtracting(simulated).map { "real: \($0)" } + simulated.subtracting(real).map { "simulated: \($0)" })
            .sorted()
    }

    private func lines(_ reply: RedisReply) -> Set<String> {
        Set((reply.elements ?? []).map { "\(($0.elements ?? []).map(shown).joined(separator: "  "))" })
    }

    private func shown(_ reply: RedisReply) -> String {
        guard case .bulk(let bytes) = reply else { return "\(reply)" }
        return bytes.map { (0x20...0x7E).contains($0) ? String(UnicodeScalar($0)) : "\\\($0)" }.joined()
    }
}

public func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
