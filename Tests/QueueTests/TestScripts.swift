import EventLoop
import Foundation
import QueueCore
import RedisClient

@testable import Queue

/// The scripts as tests call them: the one reading of the clock is turned to a key. Joined once, for that takes longer
/// than most tests.
enum TestScripts {
    /// Where they read the time: beside the fleet's keys, within its user's rights.
    static let clockKey = "berth:{t}clock"

    static let shipped = ScriptLibrary.all.map { ($0.name, turned($0)) }

    /// As the next release would have them.
    static let newer = scripts(with: "SCHEMA", QueueLimits.schema + 1, insteadOf: QueueLimits.schema).map {
        ($0.name, turned($0))
    }

    /// The audit without its bound, so that a section of a test's fleet is one call.
    static let wholeAudit = turned(
        scripts(with: "LOOKS_A_CALL", 1_000_000, insteadOf: 32).first { $0.name == "audit" }!)

    static func turned(_ script: RedisScript) -> String {
        let turned = String(decoding: script.source, as: UTF8.self)
            .replacingOccurrences(of: "read('TIME')", with: "read('HMGET', '\(clockKey)', 's', 'us')")
        precondition(!turned.contains("'TIME'"), "the clock is read elsewhere")
        return turned
    }

    /// The shipped scripts with another number in `lib_base.lua`.
    private static func scripts(with name: String, _ number: Int, insteadOf shipped: Int) -> [RedisScript] {
        ScriptLibrary.changed { file, text in
            guard file == "lib_base" else { return text }
            let changed = text.replacingOccurrences(
                of: "local \(name) = \(shipped)\n", with: "local \(name) = \(number)\n")
            precondition(changed != text, "\(name) is spelled elsewhere")
            return changed
        }
    }
}
