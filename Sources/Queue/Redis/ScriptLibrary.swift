import EventLoop
import RedisClient

/// The Lua scripts, embedded in the binary. A script is a verb's file joined with the shared definitions that it uses.
///
/// The verb's first line (`#!lua …`) stays first. The definitions from the `lib_*.lua` parts follow (see
/// `ScriptLinker`), then the verb in a function of its own, because Lua allows 200 local names per function.
public enum ScriptLibrary {
    public static let enqueue = named("enqueue")
    public static let cancel = named("cancel")
    public static let collect = named("collect")
    public static let accept = named("accept")
    public static let reject = named("reject")
    public static let release = named("release")
    public static let ready = named("ready")
    public static let renew = named("renew")
    public static let roll = named("roll")
    public static let register = named("register")
    public static let probed = named("probed")
    public static let drain = named("drain")
    public static let sweep = named("sweep")
    public static let settings = named("settings")
    public static let place = named("place")
    public static let sessions = named("sessions")
    public static let usage = named("usage")
    public static let survey = named("survey")
    public static let audit = named("audit")
    public static let finish = named("finish")
    public static let reserve = named("reserve")
    public static let attach = named("attach")
    public static let keep = named("keep")
    public static let examine = named("examine")

    /// The scripts that a gateway's or a worker's connection may run.
    static let ofGateway =
        ofMember + [roll, settings, enqueue, cancel, collect, reject, reserve, attach, finish, probed]
    static let ofWorker = ofMember + [renew, accept, reject, release, ready, keep]
    private static let ofMember = [register, sweep, drain]

    /// The text of each verb's file.
    static let verbs = [
        ("enqueue", PackageResources.enqueue_lua), ("cancel", PackageResources.cancel_lua),
        ("collect", PackageResources.collect_lua), ("accept", PackageResources.accept_lua),
        ("reject", PackageResources.reject_lua), ("release", PackageResources.release_lua),
        ("ready", PackageResources.ready_lua), ("renew", PackageResources.renew_lua),
        ("roll", PackageResources.roll_lua),
        ("register", PackageResources.register_lua), ("probed", PackageResources.probed_lua),
        ("drain", PackageResources.drain_lua), ("sweep", PackageResources.sweep_lua),
        ("settings", PackageResources.settings_lua), ("survey", PackageResources.survey_lua),
        ("audit", PackageResources.audit_lua), ("finish", PackageResources.finish_lua),
        ("reserve", PackageResources.reserve_lua), ("attach", PackageResources.attach_lua),
        ("keep", PackageResources.keep_lua), ("place", PackageResources.place_lua),
        ("sessions", PackageResources.sessions_lua), ("usage", PackageResources.usage_lua),
        ("examine", PackageResources.examine_lua),
    ].map { (name: $0.0, text: String(decoding: $0.1, as: UTF8.self)) }

    /// Every script.
    package static let all = verbs.map { joined($0.name, $0.text, linker) }

    /// Ordered so that a part uses only earlier ones.
    static let parts = [
        ("lib_base", PackageResources.lib_base_lua), ("lib_process", PackageResources.lib_process_lua),
        ("lib_match", PackageResources.lib_match_lua), ("lib_settings", PackageResources.lib_settings_lua),
        ("lib_queue", PackageResources.lib_queue_lua), ("lib_slot", PackageResources.lib_slot_lua),
        ("lib_lease", PackageResources.lib_lease_lua), ("lib_rate", PackageResources.lib_rate_lua),
        ("lib_why", PackageResources.lib_why_lua), ("lib_dispatch", PackageResources.lib_dispatch_lua),
        ("lib_change", PackageResources.lib_change_lua),
        ("lib_end", PackageResources.lib_end_lua), ("lib_rows", PackageResources.lib_rows_lua),
        ("lib_usage", PackageResources.lib_usage_lua),
        ("lib_walk", PackageResources.lib_walk_lua), ("lib_repair", PackageResources.lib_repair_lua),
        ("lib_keys", PackageResources.lib_keys_lua),
    ].map { (name: $0.0, text: String(decoding: $0.1, as: UTF8.self)) }

    /// How many of the first parts are outside of the function that has the others.
    private static let outer = parts.prefix { ["lib_base", "lib_process"].contains($0.name) }.count

    private static let linker = ScriptLinker(parts: parts.map(\.text), outer: outer)

    private static func named(_ name: String) -> RedisScript {
        guard let verb = verbs.first(where: { $0.name == name }) else { preconditionFailure("no verb \(name)") }
        return joined(name, verb.text, linker)
    }

    /// The names of all files, without `.lua`.
    package static var files: [String] { parts.map(\.name) + verbs.map(\.name) }

    /// The scripts built from changed files. Tests use it to show that they find a bug in a script.
    /// - Parameter change: receives each file's name and text, and returns the text to use instead.
    package static func changed<Failure: Error>(
        by change: (_ file: String, _ text: String) throws(Failure) -> String
    ) throws(Failure) -> [RedisScript] {
        var changedParts: [String] = []
        for part in parts { changedParts.append(try change(part.name, part.text)) }
        let linker = ScriptLinker(parts: changedParts, outer: outer)
        var scripts: [RedisScript] = []
        for verb in verbs { scripts.append(joined(verb.name, try change(verb.name, verb.text), linker)) }
        return scripts
    }

    /// A script built from `text` as if it were a verb's file.
    package static func script(_ name: String, text: String) -> RedisScript { joined(name, text, linker) }

    private static func joined(_ name: String, _ verb: String, _ linker: ScriptLinker) -> RedisScript {
        let firstLine = verb.prefix { $0 != "\n" }
        return RedisScript(
            name: name, source: Array(firstLine.utf8) + "\n".utf8 + linker.join(String(verb.dropFirst(firstLine.count)))
        )
    }
}
