extension Command {
    static var ofKeys: [Command] {
        [
            Command("DEL", -2, writes: true, remove),
            Command("UNLINK", -2, writes: true, remove),
            Command("EXISTS", -2) { call throws(CommandError) in
                var count = 0
                for index in 1..<call.count where call.space.find(call[index]) != nil { count += 1 }
                call.reply.integer(count)
            },
            Command("TYPE", 2) { call throws(CommandError) in
                call.reply.status(call.space.find(call[1])?.kind.name ?? "none")
            },
            Command("TTL", 2) { call throws(CommandError) in
                call.reply.integer(call.space.find(call[1]) == nil ? -2 : -1)
            },
            Command("KEYS", 2) { call throws(CommandError) in
                // Enough for looking at a fleet: a prefix and a star.
                let pattern = call[1]
                let hasStar = pattern.count > 0 && pattern[pattern.count - 1] == 0x2A
                var found = 0
                call.reply.array(0)
                for entry in call.space.keys.entries {
                    let key = call.space.symbols[entry.symbol]
                    let part = hasStar ? Bytes(base: key.base, count: min(key.count, pattern.count - 1)) : key
                    guard part.equals(hasStar ? Bytes(base: pattern.base, count: pattern.count - 1) : pattern) else {
                        continue
                    }
                    found += 1
                    call.reply.bytes(key)
                    call.reply.element(found)
                }
            },
            Command("SCAN", -2) { call throws(CommandError) in try call.scanKeys() },
            Command("RENAME", 3, writes: true) { call throws(CommandError) in
                guard call.space.find(call[1]) != nil else { throw CommandError("no such key") }
                call.space.rename(call.space.symbols.find(call[1]), call.space.symbols.intern(call[2]))
                call.reply.status("OK")
            },
        ]
    }

    private static func remove(_ call: Call) throws(CommandError) {
        var count = 0
        for index in 1..<call.count where call.space.remove(call.space.symbols.find(call[index])) { count += 1 }
        call.reply.integer(count)
    }

    static var ofStrings: [Command] {
        [
            Command("GET", 2) { call throws(CommandError) in
                guard let value = try call.find(.string) else { return call.reply.nothing() }
                call.reply.bytes(call.space.symbols[Symbol(value.bits(of: 0)!)])
            },
            Command("SET", -3, writes: true) { call throws(CommandError) in
                guard call.count == 3 else { throw .syntax }
                put(call, call[1], call[2])
                call.reply.status("OK")
            },
            Command("MGET", -2) { call throws(CommandError) in
                call.reply.array(call.count - 1)
                for index in 1..<call.count {
                    // Of a key of another kind MGET says that it is not there.
                    if let value = call.space.find(call[index]), value.kind == .string {
                        call.reply.bytes(call.space.symbols[Symbol(value.bits(of: 0)!)])
                    } else {
                        call.reply.nothing()
                    }
                    call.reply.element(index)
                }
            },
            Command("MSET", -3, writes: true) { call throws(CommandError) in
                guard call.count % 2 == 1 else { throw call.wrongCount("mset") }
                for index in stride(from: 1, to: call.count, by: 2) { put(call, call[index], call[index + 1]) }
                call.reply.status("OK")
            },
            Command("INCR", 2, writes: true) { call throws(CommandError) in try add(call, 1) },
            Command("INCRBY", 3, writes: true) { call throws(CommandError) in try add(call, try call.integer(2)) },
        ]
    }

    private static func put(_ call: Call, _ name: Bytes, _ text: Bytes) {
        let key = call.space.symbols.intern(name)
        if let value = call.space.value(key), value.kind != .string { _ = call.space.remove(key) }
        call.space.set(key, .string, 0, UInt64(call.space.symbols.intern(text)))
    }

    private static func add(_ call: Call, _ increment: Int64) throws(CommandError) {
        let (key, value) = try call.open(.string)
        var old: Int64 = 0
        if let value {
            guard let number = Numbers.integer(call.space.symbols[Symbol(value.bits(of: 0)!)]) else {
                throw .notInteger
            }
            old = number
        }
        let (sum, isOver) = old.addingReportingOverflow(increment)
        guard !isOver else { throw .overflow }
        let spelled = Numbers.spell(sum, call.reply.buffer)
        call.space.set(key, .string, 0, UInt64(call.space.symbols.intern(spelled)))
        call.reply.integer(sum)
    }
}
