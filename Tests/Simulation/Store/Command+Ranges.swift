extension Command {
    static var ofRanges: [Command] {
        [
            Command("ZRANGE", -4, range),
            Command("ZCOUNT", 4) { call throws(CommandError) in
                let span = try ScoreSpan(call[2], call[3])
                call.reply.integer(try call.find(.ranked).map { span.positions($0).count } ?? 0)
            },
            Command("ZLEXCOUNT", 4) { call throws(CommandError) in
                let span = try LexSpan(call[2], call[3])
                call.reply.integer(try call.find(.ranked).map { span.positions($0, call.space.symbols).count } ?? 0)
            },
            Command("ZREMRANGEBYSCORE", 4, writes: true) { call throws(CommandError) in
                let span = try ScoreSpan(call[2], call[3])
                let (key, value) = try call.open(.ranked)
                guard let value else { return call.reply.integer(0) }
                let gone = Array(value.order[span.positions(value)])
                for entry in gone { _ = call.space.remove(key, entry.member) }
                call.reply.integer(gone.count)
            },
        ]
    }

    private struct RangeOptions {
        var byScore = false, byLex = false, reversed = false, withScores = false
        var limit: (offset: Int64, count: Int64)?

        init(_ call: Call) throws(CommandError) {
            var index = 4
            while index < call.count {
                if !byScore, !byLex, call.says(index, "BYSCORE") {
                    byScore = true
                } else if !byScore, !byLex, call.says(index, "BYLEX") {
                    byLex = true
                } else if !reversed, call.says(index, "REV") {
                    reversed = true
                } else if call.says(index, "WITHSCORES") {
                    withScores = true
                } else if call.says(index, "LIMIT"), index + 2 < call.count {
                    limit = (try call.integer(index + 1), try call.integer(index + 2))
                    index += 2
                } else {
                    throw .syntax
                }
                index += 1
            }
            if limit != nil, !byScore, !byLex {
                throw CommandError(
                    "syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
            }
            if withScores, byLex {
                throw CommandError("syntax error, WITHSCORES not supported in combination with BYLEX")
            }
        }
    }

    private static func range(_ call: Call) throws(CommandError) {
        let options = try RangeOptions(call)
        let (low, high) = options.reversed && (options.byScore || options.byLex) ? (3, 2) : (2, 3)
        var positions = 0..<0
        let value: StoredValue?
        if options.byScore {
            let span = try ScoreSpan(call[low], call[high])
            value = try call.find(.ranked)
            if let value { positions = span.positions(value) }
        } else if options.byLex {
            let span = try LexSpan(call[low], call[high])
            value = try call.find(.ranked)
            if let value { positions = span.positions(value, call.space.symbols) }
        } else {
            let (from, to) = (try call.integer(low), try call.integer(high))
            value = try call.find(.ranked)
            if let value { positions = ranks(from, to, of: value.count, reversed: options.reversed) }
        }
        if let (offset, count) = options.limit { positions = cut(positions, offset, count, options.reversed) }
        guard let value, !positions.isEmpty else { return call.reply.array(0) }
        call.reply.array(options.withScores ? positions.count * 2 : positions.count)
        var element = 0
        for step in 0..<positions.count {
            let entry = value.order[options.reversed ? positions.upperBound - 1 - step : positions.lowerBound + step]
            element += 1
            call.reply.bytes(call.space.symbols[entry.member])
            call.reply.element(element)
            guard options.withScores else { continue }
            element += 1
            call.reply.spelled(entry.score)
            call.reply.element(element)
        }
    }

    /// Ranks as positions: below 0 counts from the end; reversed counts all from there.
    private static func ranks(_ from: Int64, _ to: Int64, of count: Int, reversed: Bool) -> Range<Int> {
        let count = Int64(count)
        let first = max(0, from < 0 ? from + count : from)
        let last = min(count - 1, to < 0 ? to + count : to)
        guard first <= last else { return 0..<0 }
        return reversed ? Int(count - 1 - last)..<Int(count - first) : Int(first)..<Int(last + 1)
    }

    private static func cut(_ positions: Range<Int>, _ offset: Int64, _ count: Int64, _ reversed: Bool) -> Range<Int> {
        guard offset >= 0, offset < Int64(positions.count) else { return 0..<0 }
        let left = positions.count - Int(offset)
        let taken = count < 0 ? left : Int(min(count, Int64(left)))
        return reversed
            ? (positions.upperBound - Int(offset) - taken)..<(positions.upperBound - Int(offset))
            : (positions.lowerBound + Int(offset))..<(positions.lowerBound + Int(offset) + taken)
    }
}

/// From one score to another.
private struct ScoreSpan {
    private let low: (score: Double, isOpen: Bool)
    private let high: (score: Double, isOpen: Bool)

    init(_ low: Bytes, _ high: Bytes) throws(CommandError) {
        guard let low = Numbers.bound(low), let high = Numbers.bound(high) else {
            throw CommandError("min or max is not a float")
        }
        (self.low, self.high) = (low, high)
    }

    func positions(_ value: StoredValue) -> Range<Int> {
        let from = value.first { low.isOpen ? $0.score > low.score : $0.score >= low.score }
        let to = value.first { high.isOpen ? $0.score >= high.score : $0.score > high.score }
        return from..<max(from, to)
    }
}

/// From one member to another, where all have one score: `[a` with a, `(a` without, `-` and `+` all.
private struct LexSpan {
    private enum Bound {
        case lowest, highest
        case at(Bytes, isOpen: Bool)

        init?(_ word: Bytes) {
            switch word.count > 0 ? word[0] : 0 {
            case 0x2D where word.count == 1: self = .lowest
            case 0x2B where word.count == 1: self = .highest
            case 0x28: self = .at(Bytes(base: word.base + 1, count: word.count - 1), isOpen: true)
            case 0x5B: self = .at(Bytes(base: word.base + 1, count: word.count - 1), isOpen: false)
            default: return nil
            }
        }

        /// Whether the member stands behind this bound, or on it where `orOn` says so.
        func isBefore(_ member: Bytes, orOn: Bool) -> Bool {
            switch self {
            case .lowest: true
            case .highest: false
            case .at(let bound, _): orOn ? !member.precedes(bound) : bound.precedes(member)
            }
        }
    }

    private let low: Bound
    private let high: Bound

    init(_ low: Bytes, _ high: Bytes) throws(CommandError) {
        guard let low = Bound(low), let high = Bound(high) else {
            throw CommandError("min or max not valid string range item")
        }
        (self.low, self.high) = (low, high)
    }

    func positions(_ value: StoredValue, _ symbols: Symbols) -> Range<Int> {
        let from = value.first { isIn($0, low, orOn: true, symbols) }
        let to = value.first { isIn($0, high, orOn: false, symbols) }
        return from..<max(from, to)
    }

    private func isIn(_ entry: StoredValue.Ranked, _ bound: Bound, orOn: Bool, _ symbols: Symbols) -> Bool {
        var orOn = orOn
        if case .at(_, isOpen: true) = bound { orOn.toggle() }
        return bound.isBefore(symbols[entry.member], orOn: orOn)
    }
}
