extension Command {
    static var ofHashes: [Command] {
        [
            Command("HSET", -4, writes: true) { call throws(CommandError) in
                guard call.count % 2 == 0 else { throw call.wrongCount("hset") }
                let (key, _) = try call.open(.hash)
                var created = 0
                for index in stride(from: 2, to: call.count, by: 2) where enter(call, key, index) == nil {
                    created += 1
                }
                call.reply.integer(created)
            },
            Command("HSETNX", 4, writes: true) { call throws(CommandError) in
                let (key, value) = try call.open(.hash)
                let isNew = value?.bits(of: call.space.symbols.find(call[2])) == nil
                if isNew { _ = enter(call, key, 2) }
                call.reply.flag(isNew)
            },
            Command("HGET", 3) { call throws(CommandError) in
                push(call, try call.find(.hash), 2)
            },
            Command("HMGET", -3) { call throws(CommandError) in
                let value = try call.find(.hash)
                call.reply.array(call.count - 2)
                for index in 2..<call.count {
                    push(call, value, index)
                    call.reply.element(index - 1)
                }
            },
            Command("HDEL", -3, writes: true) { call throws(CommandError) in
                try call.removeMembers(.hash)
            },
            Command("HEXISTS", 3) { call throws(CommandError) in
                call.reply.flag(try call.find(.hash)?.bits(of: call.space.symbols.find(call[2])) != nil)
            },
            Command("HLEN", 2) { call throws(CommandError) in try call.replyCount(.hash) },
            Command("HGETALL", 2) { call throws(CommandError) in
                let rows = call.anyOrder(try call.find(.hash))
                call.reply.array(rows.count * 2)
                for index in 0..<rows.count {
                    call.reply.bytes(call.space.symbols[rows[index].symbol])
                    call.reply.element(2 * index + 1)
                    call.reply.bytes(call.space.symbols[Symbol(rows[index].bits)])
                    call.reply.element(2 * index + 2)
                }
            },
            Command("HKEYS", 2) { call throws(CommandError) in
                call.replyMembers(call.anyOrder(try call.find(.hash)))
            },
            Command("HVALS", 2) { call throws(CommandError) in
                let rows = call.anyOrder(try call.find(.hash))
                call.reply.array(rows.count)
                for index in 0..<rows.count {
                    call.reply.bytes(call.space.symbols[Symbol(rows[index].bits)])
                    call.reply.element(index + 1)
                }
            },
            Command("HINCRBY", 4, writes: true) { call throws(CommandError) in
                let increment = try call.integer(3)
                let (key, value) = try call.open(.hash)
                let field = call.space.symbols.intern(call[2])
                var old: Int64 = 0
                if let bits = value?.bits(of: field) {
                    guard let number = Numbers.integer(call.space.symbols[Symbol(bits)]) else {
                        throw CommandError("hash value is not an integer")
                    }
                    old = number
                }
                let (sum, isOver) = old.addingReportingOverflow(increment)
                guard !isOver else { throw .overflow }
                let spelled = Numbers.spell(sum, call.reply.buffer)
                call.space.set(key, .hash, field, UInt64(call.space.symbols.intern(spelled)))
                call.reply.integer(sum)
            },
            Command("HSCAN", -3) { call throws(CommandError) in try call.scan(.hash) },
        ]
    }

    /// - Returns: what stood in the field that the word at the index names.
    private static func enter(_ call: Call, _ key: Symbol, _ index: Int) -> UInt64? {
        let symbols = call.space.symbols
        return call.space.set(key, .hash, symbols.intern(call[index]), UInt64(symbols.intern(call[index + 1])))
    }

    private static func push(_ call: Call, _ value: StoredValue?, _ index: Int) {
        guard let bits = value?.bits(of: call.space.symbols.find(call[index])) else { return call.reply.nothing() }
        call.reply.bytes(call.space.symbols[Symbol(bits)])
    }
}
