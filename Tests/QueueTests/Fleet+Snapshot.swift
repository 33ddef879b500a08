/// A fleet's data as they were, to be lost or compared.
struct Snapshot: Equatable {
    /// Key → its dump in hex digits.
    let dumps: [String: String]
}

extension Fleet {
    private var prefix: String { keys.prefix }

    /// Every key of the fleet in one call: what is lost later is lost as a whole.
    func snapshot() -> Snapshot {
        let words = redis(
            "EVAL",
            """
            local out = {}
            for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
                out[#out + 1] = key
                out[#out + 1] = redis.call('DUMP', key):gsub('.', function(c) return ('%02x'):format(c:byte()) end)
            end
            return out
            """, "0", prefix + "*"
        ).strings
        var dumps: [String: String] = [:]
        for at in stride(from: 0, to: words.count, by: 2) { dumps[words[at]] = words[at + 1] }
        return Snapshot(dumps: dumps)
    }

    /// All that happened since is lost; the clock goes on.
    func restore(_ saved: Snapshot) {
        redis.command(
            [
                "EVAL",
                """
                for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
                    redis.call('DEL', key)
                end
                for i = 2, #ARGV, 2 do
                    local dump = ARGV[i + 1]:gsub('..', function(h) return string.char(tonumber(h, 16)) end)
                    redis.call('RESTORE', ARGV[i], 0, dump)
                end
                """, "0", prefix + "*",
            ] + saved.dumps.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] })
    }
}
