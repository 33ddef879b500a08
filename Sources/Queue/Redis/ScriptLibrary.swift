import EventLoop

/// The Lua scripts, embedded in the binary: each verb's file joined with what it uses of the shared parts.
///
/// The first line of a verb (`#!lua …`) stays first, then come definitions of the `lib_*.lua` parts (`ScriptLinker`), then
/// the verb as a function of its own, for its own 200 names.
public enum ScriptLibrary {
    public static let enqueue = script("enqueue", PackageResources.enqueue_lua)
    public static let cancel = script("cancel", PackageResources.cancel_lua)
    public static let collect = script("collect", PackageResources.collect_lua)
    public static let accept = script("accept", PackageResources.accept_lua)
    public static let reject = script("reject", PackageResources.reject_lua)
    public static let release = script("release", PackageResources.release_lua)
    public static let ready = script("ready", PackageResources.ready_lua)
    public static let renew = script("renew", PackageResources.renew_lua)
    public static let register = script("register", PackageResources.register_lua)
    public static let probed = script("probed", PackageResources.probed_lua)
    public static let drain = script("drain", PackageResources.drain_lua)
    public static let sweep = script("sweep", PackageResources.sweep_lua)
    public static let settings = script("settings", PackageResources.settings_lua)
    public static let status = script("status", PackageResources.status_lua)
    public static let place = script("place", PackageResources.place_lua)
    public static let wanted = script("wanted", PackageResources.wanted_lua)
    public static let audit = script("audit", PackageResources.audit_lua)
    public static let finish = script("finish", PackageResources.finish_lua)
    public static let reserve = script("reserve", PackageResources.reserve_lua)
    public static let attach = script("attach", PackageResources.attach_lua)
    public static let keep = script("keep", PackageResources.keep_lua)

    public static let all = [
        enqueue, cancel, collect, accept, reject, release, ready, renew, register, probed, drain, sweep, settings,
        status, audit, finish, reserve, attach, keep, place, wanted,
    ]

    /// In the order in which later parts use earlier ones.
    static let parts = [
        ("lib_base", PackageResources.lib_base_lua), ("lib_process", PackageResources.lib_process_lua),
        ("lib_match", PackageResources.lib_match_lua), ("lib_settings", PackageResources.lib_settings_lua),
        ("lib_queue", PackageResources.lib_queue_lua), ("lib_slot", PackageResources.lib_slot_lua),
        ("lib_lease", PackageResources.lib_lease_lua), ("lib_rate", PackageResources.lib_rate_lua),
        ("lib_dispatch", PackageResources.lib_dispatch_lua), ("lib_change", PackageResources.lib_change_lua),
        ("lib_end", PackageResources.lib_end_lua), ("lib_rows", PackageResources.lib_rows_lua),
        ("lib_walk", PackageResources.lib_walk_lua),
    ].map { (name: $0.0, text: String(decoding: $0.1, as: UTF8.self)) }

    private static let linker = ScriptLinker(parts: parts.map(\.text))

    private static func script(_ name: String, _ verb: [UInt8]) -> RedisScript {
        joined(name, String(decoding: verb, as: UTF8.self), linker)
    }

    /// A script of one's own: its text as that of a verb's file.
    package static func script(_ name: String, text: String) -> RedisScript { joined(name, text, linker) }

    private static func joined(_ name: String, _ verb: String, _ linker: ScriptLinker) -> RedisScript {
        let firstLine = verb.prefix { $0 != "\n" }
        let body = verb.dropFirst(firstLine.count)
        let source = "\(firstLine)\n\(linker.definitions(for: verb))return (function()\(body)\nend)()\n"
        return RedisScript(name: name, source: Array(source.utf8))
    }
}
