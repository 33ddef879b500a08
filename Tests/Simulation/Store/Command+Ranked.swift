extension Command {
    static var ofRanked: [Command] {
        [
            Command("ZADD", -4, writes: true, add),
            Command("ZINCRBY", 4, writes: true) { call throws(CommandError) in
                guard let increment = Numbers.score(call[2]) else { throw .notFloat }
                let (key, value) = try call.open(.ranked)
                let member = call.space.symbols.intern(call[3])
                let sum = (value?.score(of: member) ?? 0) + increment
                guard !sum.isNaN else { throw notANumber }
                call.space.set(key, .ranked, member, sum.bitPattern)
                call.reply.spelled(sum)
            },
            Command("ZREM", -3, writes: true) { call throws(CommandError) in try call.removeMembers(.ranked) },
            Command("ZCARD", 2) { call throws(CommandError) in try call.replyCount(.ranked) },
            Command("ZSCORE", 3) { call throws(CommandError) in
                guard let score = try call.find(.ranked)?.score(of: call.space.symbols.find(call[2])) else {
                    return call.reply.nothing()
                }
                call.reply.spelled(score)
            },
            Command("ZMSCORE", -3) { call throws(CommandError) in
                let value = try call.find(.ranked)
                call.reply.array(call.count - 2)
                for index in 2..<call.count {
                    if let score = value?.score(of: call.space.symbols.find(call[index])) {
                        call.reply.spelled(score)
                    } else {
                        call.reply.nothing()
                    }
                    call.reply.element(index - 1)
                }
            },
            Command("ZRANK", 3) { call throws(CommandError) in try rank(call, fromEnd: false) },
            Command("ZREVRANK", 3) { call throws(CommandError) in try rank(call, fromEnd: true) },
            Command("ZSCAN", -3) { call throws(CommandError) in try call.scan(.ranked) },
        ]
    }

    private static let notANumber = CommandError("resulting score is not a number (NaN)")

    private static func rank(_ call: Call, fromEnd: Bool) throws(CommandError) {
        let member = call.space.symbols.find(call[2])
        guard let value = try call.find(.ranked), let score = value.score(of: member) else {
            return call.reply.nothing()
        }
        let before = value.rank(score, member, call.space.symbols)
        call.reply.integer(fromEnd ? value.count - 1 - before : before)
    }

    private struct AddOptions {
        var onlyNew = false, onlyOld = false, onlyGreater = false, onlyLess = false
        var tellsChanged = false, increments = false

        func allow(_ old: Double?, _ score: Double) -> Bool {
            guard let old else { return !onlyOld }
            return !onlyNew && (!onlyGreater || score > old) && (!onlyLess || score < old)
        }
    }

    private static func add(_ call: Call) throws(CommandError) {
        var options = AddOptions()
        var first = 2
        reading: while first < call.count {
            switch true {
            case call.says(first, "NX"): options.onlyNew = true
            case call.says(first, "XX"): options.onlyOld = true
            case call.says(first, "GT"): options.onlyGreater = true
            case call.says(first, "LT"): options.onlyLess = true
            case call.says(first, "CH"): options.tellsChanged = true
            case call.says(first, "INCR"): options.increments = true
            default: break reading
            }
            first += 1
        }
        guard first < call.count, (call.count - first) % 2 == 0 else { throw .syntax }
        if options.onlyNew && options.onlyOld {
            throw CommandError("XX and NX options at the same time are not compatible")
        }
        let bounds = [options.onlyNew, options.onlyGreater, options.onlyLess]
        if bounds.count(where: { $0 }) > 1 {
            throw CommandError("GT, LT, and/or NX options at the same time are not compatible")
        }
        if options.increments && call.count - first > 2 {
            throw CommandError("INCR option supports a single increment-element pair")
        }
        for index in stride(from: first, to: call.count, by: 2) where Numbers.score(call[index]) == nil {
            throw .notFloat
        }
        let (key, _) = try call.open(.ranked)
        var (added, changed) = (0, 0)
        for index in stride(from: first, to: call.count, by: 2) {
            let member = call.space.symbols.intern(call[index + 1])
            let old = call.space.value(key)?.score(of: member)
            var score = Numbers.score(call[index])!
            if options.increments, let old {
                score += old
                guard !score.isNaN else { throw notANumber }
            }
            let isAllowed = options.allow(old, score)
            if isAllowed, old != score {
                call.space.set(key, .ranked, member, score.bitPattern)
                if old == nil { added += 1 } else { changed += 1 }
            }
            if options.increments {
                return isAllowed ? call.reply.spelled(score) : call.reply.nothing()
            }
        }
        call.reply.integer(options.tellsChanged ? added + changed : added)
    }
}
