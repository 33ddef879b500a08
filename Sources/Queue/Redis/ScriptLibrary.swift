import EventLoop

/// The Lua scripts, embedded in the binary: each verb's file joined with the shared parts.
///
/// The first line of a verb (`#!lua …`) stays first, the `lib_*.lua` parts follow, then the verb as a function of its own:
/// Lua gives each 200 local names, and the parts have most of theirs. Comments and indents
/// are left in: Redis compiles a script once.
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
    private static let parts = [
        PackageResources.lib_base_lua, PackageResources.lib_process_lua, PackageResources.lib_match_lua,
        PackageResources.lib_settings_lua, PackageResources.lib_queue_lua, PackageResources.lib_slot_lua,
        PackageResources.lib_lease_lua, PackageResources.lib_rate_lua, PackageResources.lib_dispatch_lua,
        PackageResources.lib_change_lua, PackageResources.lib_end_lua, PackageResources.lib_rows_lua,
        PackageResources.lib_walk_lua,
    ]

    private static func script(_ name: String, _ verb: [UInt8]) -> RedisScript {
        let firstLineEnd = (verb.firstIndex(of: UInt8(ascii: "\n")) ?? verb.count - 1) + 1
        let pieces =
            [verb[..<firstLineEnd]] + parts.map { $0[...] }
            + [Array("return (function() ".utf8)[...], verb[firstLineEnd...], Array("end)()\n".utf8)[...]]
        return RedisScript(name: name, source: Array(pieces.joined()))
    }
}
