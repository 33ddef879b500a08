import Queue

/// Scripts that die midway.
extension Fleet {
    private static let key = "berth:{t}dying"

    /// Loads each script so that it counts what it writes and dies instead of the write it is told.
    func loadDying() {
        dying = load(
            TestScripts.shipped.map { name, source in
                let end = source.firstIndex(of: "\n")!
                return (name, source[...end] + Self.prelude + source[end...])
            })
    }

    private static let prelude = """
        local redis = (function()
            local given = redis.call
            local left = tonumber(given('GET', '\(key)') or 0)
            local writes = {}
            for name in string.gmatch('DEL HDEL HSET HSETNX MSET SADD SET SPOP SREM ZADD ZREM', '%S+') do
                writes[name] = true
            end
            local death
            return { call = function(name, ...)
                if left > 0 and writes[name] then
                    left = left - 1
                    if left == 0 then
                        death = 'died at ' .. table.concat({ name, ... }, ' ')
                    end
                end
                -- The call does nothing more, even if it catches the error.
                if death then
                    error(death)
                end
                return given(name, ...)
            end }
        end)()
        """

    /// Makes calls with the scripts that die, at that write.
    func dying(at write: Int, _ calls: () -> Void) {
        redis("SET", Self.key, String(write))
        (isDying, hasDied) = (true, false)
        calls()
        isDying = false
        redis("DEL", Self.key)
    }
}
