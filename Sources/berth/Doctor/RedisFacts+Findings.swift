extension RedisFacts {
    /// The oldest major version that runs scripts with flags.
    public static let versionMajorMin = 7
    /// Clocks further apart than this make logs hard to compare.
    public static let clockOffMillisecondsMax = 5_000

    var findings: [Finding] {
        switch answer {
        case .none(let words):
            [
                Finding(
                    .reach, .wrong,
                    words.contains(address) ? "cannot be asked: \(words)" : "\(address) cannot be asked: \(words)",
                    change:
                        "\(setting): name the Redis of the fleet, redis://[user:password@]host:6379, or start it there")
            ]
        case .given(let server):
            [reached(server), version(server), role(server), policy(server), clock(server), rights(server)]
                .compactMap { $0 }
        }
    }

    private func reached(_ server: Server) -> Finding {
        let tenths = server.roundTripMicroseconds / 100
        return Finding(.reach, .ok, "\(address) answers in \(tenths / 10).\(tenths % 10) ms")
    }

    private func version(_ server: Server) -> Finding {
        guard !server.version.isEmpty else {
            return Finding(.version, .skipped, "Berth's user may not ask for it (no right to INFO)")
        }
        let major = server.version.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0
        if major >= Self.versionMajorMin { return Finding(.version, .ok, server.version) }
        return Finding(
            .version, .wrong, "\(server.version) is too old for the scripts",
            change: "install Redis \(Self.versionMajorMin).0 or later, or Valkey")
    }

    private func role(_ server: Server) -> Finding? {
        guard server.isReplica else { return nil }
        return Finding(
            .role, .wrong, "\(address) is a replica: it takes no writes",
            change: "\(setting): name the primary")
    }

    private func policy(_ server: Server) -> Finding {
        switch server.policy {
        case "noeviction": Finding(.policy, .ok, "maxmemory-policy is noeviction")
        case let policy?:
            Finding(
                .policy, .wrong, "maxmemory-policy is \(policy): Redis could drop waiters and leases",
                change: "redis-cli config set maxmemory-policy noeviction, and the same line in redis.conf")
        case nil:
            Finding(
                .policy, .skipped,
                "Redis does not tell maxmemory-policy to Berth's user: make sure that it is noeviction")
        }
    }

    private func clock(_ server: Server) -> Finding? {
        guard let ahead = server.aheadMilliseconds else { return nil }
        let off = ahead.magnitude
        let seconds = "\(off / 1_000).\(off / 100 % 10) s"
        guard off > Self.clockOffMillisecondsMax else {
            return Finding(.clock, .ok, "its clock and this machine's are \(seconds) apart")
        }
        return Finding(
            .clock, .wrong, "its clock is \(seconds) \(ahead > 0 ? "ahead of" : "behind") this machine's",
            change: "timedatectl set-ntp true, on the machine whose clock is wrong")
    }

    private func rights(_ server: Server) -> Finding {
        let change =
            "give Berth's user the rights in docs/operate/running.md: ACL SETUSER <user> ~berth:* &berth:* -@all "
            + "+@hash +@set +@sortedset +@string +@pubsub +del +exists +evalsha +script|load +ping +time +auth +select +info "
            + "+scan"
        if let words = server.scriptRefusal {
            return Finding(.rights, .wrong, "Redis runs no script of Berth's user: \(words)", change: change)
        }
        if server.refusedCommands.isEmpty { return Finding(.rights, .ok, "Berth's user may do all that it needs") }
        return Finding(
            .rights, .wrong, "Berth's user may not run \(server.refusedCommands.joined(separator: ", "))",
            change: change)
    }
}
