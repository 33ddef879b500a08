import EventLoop
import Queue
import QueueCore
import RedisClient
import SimulatedRedis

/// The scripts of two releases beside each other: the shipped ones, and the same of the next schema.
struct ScriptSet {
    /// What one call may do, so little that the rest of it is a matter of every day.
    private static let bounds = [
        "GRANTS_A_CALL": 2, "ASIDES_A_CALL": 2, "ENDS_A_CALL": 4, "TENANTS_A_SLICE": 2, "ITEMS_A_CALL": 2,
    ]

    /// A bug in them.
    let mutant: Mutant?
    /// With bounds that a small fleet reaches.
    let isNarrow: Bool

    static func newer(_ name: String) -> String { name + "@next" }

    static func base(_ name: String) -> String {
        name.utf8.last == UInt8(ascii: "t") && name.hasSuffix("@next") ? String(name.dropLast(5)) : name
    }

    /// - Throws: when the mutant's text is not in them.
    func load(into redis: SimulatedRedis) throws(MutantError) {
        let bounds = isNarrow ? ScriptSet.bounds : [:]
        for script in try scripts(bounds) { redis.load(name: script.name, source: script.source) }
        let next = try scripts(bounds.merging(["SCHEMA": QueueLimits.schema + 1]) { $1 })
        for script in next { redis.load(name: ScriptSet.newer(script.name), source: script.source) }
    }

    private func scripts(_ numbers: [String: Int]) throws(MutantError) -> [RedisScript] {
        try ScriptLibrary.changed { (file, text) throws(MutantError) in
            let numbered = file == "lib_base" ? ScriptSet.with(numbers, in: text) : text
            return try mutant?.changed(file, numbered) ?? numbered
        }
    }

    /// The limits of `lib_base` with other numbers.
    private static func with(_ numbers: [String: Int], in text: String) -> String {
        var left = numbers
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let words = line.split(separator: " ")
            guard words.count == 4, words[0] == "local", let number = left.removeValue(forKey: String(words[1])) else {
                return String(line)
            }
            return "local \(words[1]) = \(number)"
        }
        precondition(left.isEmpty, "lib_base.lua has no \(left.keys.sorted())")
        return lines.joined(separator: "\n")
    }
}
