import SimulatedRedis

/// Rows of the fleet, packed ones too, by the names of their fields.
extension Fleet {
    private static let source =
        PackedRow.lua + """
            local prefix, rest = ARGV[1], ARGV[2]
            local lease = string.match(rest, '^lease:(.*)$')
            if lease then
                local waiter = row('waiter', redis.call('GET', prefix .. 'waiter:' .. string.sub(lease, 1, 32)))
                local worker, slot = string.match(waiter and waiter.place or '', '^(.*)/(%d+)$')
                rest = worker and 'slot:' .. worker .. '/' .. slot or 'slot:'
                local found = row('slot', redis.call('GET', prefix .. rest))
                if not found or found.lease ~= lease then return nil end
            end
            local kind = kind_of(rest)
            if ARGV[3] == 'get' then
                if not kind then return redis.call('HGET', prefix .. rest, ARGV[4]) end
                local values = row(kind, redis.call('GET', prefix .. rest))
                return values and values[ARGV[4]]
            elseif not kind then
                return redis.call('HSET', prefix .. rest, unpack(ARGV, 4))
            end
            local values = row(kind, redis.call('GET', prefix .. rest)) or {}
            for i, name in ipairs(formats[kind][2]) do
                values[name] = values[name] or (string.sub(formats[kind][1], i + 1, i + 1) == 'd' and '0' or '')
            end
            for i = 4, #ARGV, 2 do
                values[ARGV[i]] = ARGV[i + 1]
            end
            return redis.call('SET', prefix .. rest, packed(kind, values))
            """

    /// One field of the row under a key, the fleet's prefix left out, "" where there is none. `lease:<id>` is the row of the slot
    /// that has the lease.
    func field(_ key: String, _ name: String) -> String {
        redis("EVAL", Self.source, "0", keys.prefix, key, "get", name).string
    }

    /// Writes fields of a row, which is made where it is not there.
    func write(_ key: String, _ fields: String...) { write(key, fields[...]) }

    func write(_ key: String, _ fields: ArraySlice<String>) {
        redis.command(["EVAL", Self.source, "0", keys.prefix, key, "set"] + fields)
    }
}
