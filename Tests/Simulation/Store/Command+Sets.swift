extension Command {
    static var ofSets: [Command] {
        [
            Command("SADD", -3, writes: true) { call throws(CommandError) in
                let (key, value) = try call.open(.set)
                var added = 0
                for index in 2..<call.count {
                    let member = call.space.symbols.intern(call[index])
                    // A member that is there is not written again.
                    guard (value ?? call.space.value(key))?.bits(of: member) == nil else { continue }
                    call.space.set(key, .set, member, 0)
                    added += 1
                }
                call.reply.integer(added)
            },
            Command("SREM", -3, writes: true) { call throws(CommandError) in try call.removeMembers(.set) },
            Command("SCARD", 2) { call throws(CommandError) in try call.replyCount(.set) },
            Command("SISMEMBER", 3) { call throws(CommandError) in
                call.reply.flag(try call.find(.set)?.bits(of: call.space.symbols.find(call[2])) != nil)
            },
            Command("SMISMEMBER", -3) { call throws(CommandError) in
                let value = try call.find(.set)
                call.reply.array(call.count - 2)
                for index in 2..<call.count {
                    call.reply.flag(value?.bits(of: call.space.symbols.find(call[index])) != nil)
                    call.reply.element(index - 1)
                }
            },
            Command("SMEMBERS", 2) { call throws(CommandError) in
                call.replyMembers(call.anyOrder(try call.find(.set)))
            },
            Command("SPOP", -2, writes: true) { call throws(CommandError) in
                guard call.count <= 3 else { throw .syntax }
                if call.count == 2 {
                    let (key, value) = try call.open(.set)
                    guard let value else { return call.reply.nothing() }
                    let member = value.table.entries[call.host.chance.below(value.count)].symbol
                    _ = call.space.remove(key, member)
                    return call.reply.bytes(call.space.symbols[member])
                }
                guard let wanted = Numbers.integer(call[2]), wanted >= 0 else { throw .notPositive }
                let (key, value) = try call.open(.set)
                let chosen = call.someMembers(value, Int(wanted))
                for entry in chosen { _ = call.space.remove(key, entry.symbol) }
                call.replyMembers(chosen[...])
            },
            Command("SRANDMEMBER", -2) { call throws(CommandError) in
                guard call.count <= 3 else { throw .syntax }
                if call.count == 2 {
                    guard let value = try call.find(.set) else { return call.reply.nothing() }
                    let member = value.table.entries[call.host.chance.below(value.count)].symbol
                    return call.reply.bytes(call.space.symbols[member])
                }
                let wanted = try call.integer(2)
                guard wanted.magnitude <= UInt64(Int64.max) / 2 else { throw CommandError("value is out of range") }
                let value = try call.find(.set)
                guard wanted < 0, let value else {
                    return call.replyMembers(call.someMembers(value, Int(max(0, wanted)))[...])
                }
                // So many, each drawn anew.
                call.reply.array(0)
                for index in 1...Int(-wanted) {
                    call.reply.bytes(
                        call.space.symbols[value.table.entries[call.host.chance.below(value.count)].symbol])
                    call.reply.element(index)
                }
            },
            Command("SSCAN", -3) { call throws(CommandError) in try call.scan(.set) },
        ]
    }
}

extension Call {
    /// So many different ones, drawn by chance; all, where there are no more.
    fileprivate func someMembers(_ value: StoredValue?, _ wanted: Int) -> ContiguousArray<SymbolTable.Entry> {
        guard let value else { return [] }
        var entries = ContiguousArray(anyOrder(value))
        guard wanted < entries.count else { return entries }
        for index in 0..<wanted { entries.swapAt(index, index + host.chance.below(entries.count - index)) }
        return ContiguousArray(entries[..<wanted])
    }

    /// An order that nobody may rely on, the same until something changes: drawn from the seed, the key and the size.
    func anyOrder(_ value: StoredValue?) -> ArraySlice<SymbolTable.Entry> {
        guard let entries = value?.table.entries, entries.count > 0 else { return [] }
        let drawn = stir(host.chance.salt ^ words[1].hash &+ UInt64(entries.count))
        let turn = Int(drawn >> 1) % entries.count
        let turned = Array(entries[turn...]) + Array(entries[..<turn])
        return drawn & 1 == 0 ? turned[...] : turned.reversed()[...]
    }

    func replyMembers<Entries: RandomAccessCollection<SymbolTable.Entry>>(_ entries: Entries) {
        reply.array(entries.count)
        var index = 1
        for entry in entries {
            reply.bytes(space.symbols[entry.symbol])
            reply.element(index)
            index += 1
        }
    }

    func replyCount(_ kind: Kind) throws(CommandError) {
        reply.integer(try find(kind)?.count ?? 0)
    }

    /// HDEL, SREM, ZREM.
    func removeMembers(_ kind: Kind) throws(CommandError) {
        let (key, _) = try open(kind)
        var removed = 0
        for index in 2..<count where space.remove(key, space.symbols.find(words[index])) { removed += 1 }
        reply.integer(removed)
    }

    /// The cursor is a place in an order by hash: what is there throughout is found, whatever else comes and goes.
    func scan(_ kind: Kind) throws(CommandError) {
        guard let cursor = Numbers.integer(words[2]), cursor >= 0 else { throw CommandError("invalid cursor") }
        let value = try find(kind)
        // Nothing is looked at further, where nothing is.
        guard let value else { return replyScan(next: 0) {} }
        var wanted: Int64 = 10
        for index in stride(from: 3, to: count, by: 2) {
            guard says(index, "COUNT"), index + 1 < count else { throw .syntax }
            wanted = try integer(index + 1)
            guard wanted >= 1 else { throw .syntax }
        }
        scan(value.table.entries, from: cursor, wanted) { entry, index in
            guard kind != .set else { return }
            index += 1
            if kind == .hash {
                reply.bytes(space.symbols[Symbol(entry.bits)])
            } else {
                reply.spelled(Double(bitPattern: entry.bits))
            }
            reply.element(index)
        }
    }

    /// SCAN: with a prefix and a star at most.
    func scanKeys() throws(CommandError) {
        guard let cursor = Numbers.integer(words[1]), cursor >= 0 else { throw CommandError("invalid cursor") }
        var wanted: Int64 = 10
        var prefix = Bytes(base: words[1].base, count: 0)
        for index in stride(from: 2, to: count, by: 2) {
            guard index + 1 < count else { throw .syntax }
            if says(index, "MATCH") {
                prefix = Bytes(base: words[index + 1].base, count: words[index + 1].count - 1)
            } else {
                guard says(index, "COUNT") else { throw .syntax }
                wanted = try integer(index + 1)
                guard wanted >= 1 else { throw .syntax }
            }
        }
        let found = space.keys.entries.filter { entry in
            let key = space.symbols[entry.symbol]
            return Bytes(base: key.base, count: min(key.count, prefix.count)).equals(prefix)
        }
        scan(found, from: cursor, wanted) { _, _ in }
    }

    /// - Parameter more: what follows a name; counts the elements on.
    private func scan<Entries: Sequence<SymbolTable.Entry>>(
        _ entries: Entries, from cursor: Int64, _ wanted: Int64, more: (SymbolTable.Entry, inout Int) -> Void
    ) {
        let places = entries.map { entry in
            (place: Int64(stir(space.symbols.hash(entry.symbol) ^ host.chance.salt) >> 32), entry: entry)
        }
        let rest = places.filter { $0.place >= cursor }.sorted {
            $0.place != $1.place ? $0.place < $1.place : space.symbols.precedes($0.entry.symbol, $1.entry.symbol)
        }
        var end = Int(min(wanted, Int64(rest.count)))
        // Those at one place go together.
        while end > 0, end < rest.count, rest[end].place == rest[end - 1].place { end += 1 }
        replyScan(next: end < rest.count ? rest[end].place : 0) {
            var index = 0
            for (_, entry) in rest[..<end] {
                index += 1
                reply.bytes(space.symbols[entry.symbol])
                reply.element(index)
                more(entry, &index)
            }
        }
    }

    private func replyScan(next: Int64, _ elements: () -> Void) {
        reply.array(2)
        reply.spelled(next)
        reply.element(1)
        reply.array(0)
        elements()
        reply.element(2)
    }
}
