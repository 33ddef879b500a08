extension FleetFacts {
    var findings: [Finding] {
        [gatewaysFound, workersFound, secret] + suspended + sharedAddresses + workers.map(address) + troubles
    }

    private var gatewaysFound: Finding {
        guard gateways.isEmpty else {
            return Finding(.gateways, .ok, "\(gateways.count) registered: \(Self.list(gateways.map(\.node)))")
        }
        return Finding(
            .gateways, .wrong, "no gateway is registered in the fleet \(name)",
            change: "start one with this Redis and --fleet \(name): berth gateway")
    }

    private var workersFound: Finding {
        guard workers.isEmpty else {
            return Finding(.workers, .ok, "\(workers.count) registered: \(Self.list(workers.map(\.node)))")
        }
        return Finding(
            .workers, .wrong, "no worker is registered in the fleet \(name)",
            change: "start one with this Redis and --fleet \(name): berth worker --pool <label>=<slots>")
    }

    private var suspended: [Finding] {
        gateways.filter { !$0.suspension.isEmpty }.map { gateway in
            let why =
                switch gateway.suspension {
                case "claim": "it could not reach a worker that another gateway reached"
                case "deadline": "a grant of its client was not accepted in time"
                case "silent": "it did not listen to its wake-ups"
                case "gone": "it hung up on a worker"
                default: gateway.suspension
                }
            return Finding(
                .gateways, .wrong, "\(gateway.node) is suspended: \(why)",
                change: "look into the log of \(gateway.node), and at its network to the workers and to Redis")
        }
    }

    /// Gateways reach only one of the workers behind one address.
    private var sharedAddresses: [Finding] {
        Dictionary(grouping: workers.filter { !$0.isDraining }, by: \.address).filter { $0.value.count > 1 }
            .sorted { $0.key < $1.key }.map { address, sharers in
                Finding(
                    .address, .wrong,
                    "\(Self.list(sharers.map(\.node))) advertise the same address \(address): gateways reach one of them",
                    change: "PRIVATE_HOSTNAME=<its own name>, or --advertise <host:port>, for each of them")
            }
    }

    private var troubles: [Finding] {
        workers.filter { !$0.trouble.isEmpty }.map { worker in
            Finding(
                .sidecars, .wrong, "\(worker.node): \(worker.trouble)",
                change: "look into the log of \(worker.node): it has the last lines of the sidecar")
        }
    }

    // MARK: - The secret

    private var secret: Finding {
        let proved = workers.filter { $0.dial == .alive }.map(\.node)
        let denied = workers.filter { $0.isReached && $0.isSilent }.map(\.node)
        switch (hasSecret, denied.isEmpty, proved.isEmpty) {
        case (true, false, _):
            return Finding(
                .secret, .wrong,
                "\(Self.list(denied)) answers the gateways and not this machine: the NODE_SECRET of this machine differs",
                change: "\(secretSetting), on this machine: the value that the gateways and workers have")
        case (true, true, false):
            return Finding(.secret, .ok, "proved by \(Self.list(proved)): it is the secret of this machine")
        case (false, true, false):
            return Finding(.secret, .ok, "\(Self.list(proved)) works without a secret, on loopback")
        case (false, _, _):
            return Finding(
                .secret, .skipped,
                "this machine has none, so that no worker can prove anything to it: give NODE_SECRET or --node-secret-file"
            )
        case (true, true, true):
            return Finding(.secret, .skipped, "no worker was there to prove it")
        }
    }

    // MARK: - Addresses

    /// The gateways' own verdict first, then the dial from here.
    private func address(of worker: WorkerFacts) -> Finding {
        let who = "\(worker.node) at \(worker.address)\(worker.isDraining ? " (drains)" : "")"
        func ok(_ words: String) -> Finding { Finding(.address, .ok, "\(who): \(words)") }
        func wrong(_ words: String, _ change: String) -> Finding {
            Finding(.address, .wrong, "\(who): \(words)", change: change)
        }
        if worker.isReached {
            switch worker.dial {
            case .alive: return ok("gateways reach it, and so does this machine")
            case .closed, .unproved: return ok("gateways reach it. This machine's secret was not taken")
            case .unreachable(let words), .local(let words):
                return ok("gateways reach it. This machine does not, and need not: \(words)")
            }
        }
        let verdict =
            worker.hasFailed ? "gateways do not reach it (\(worker.state))" : "no gateway has reached it yet"
        switch worker.dial {
        case .alive where !worker.hasFailed:
            return ok("no gateway has tried it yet. This machine reaches it")
        case .alive:
            return wrong(
                "\(verdict), and this machine does: they have another NODE_SECRET, or no way to this address",
                "on the gateways: NODE_SECRET=<the value of this machine>; or \(worker.advertiseChange)")
        case .closed, .unproved:
            let change = "\(worker.secretChange); or \(worker.advertiseChange)"
            if hasSecret {
                return wrong(
                    "\(verdict). Something listens there that does not prove itself: its NODE_SECRET differs, or "
                        + "another program or worker has this address", change)
            }
            if worker.hasFailed { return wrong("\(verdict), and something listens there", change) }
            return Finding(.address, .skipped, "\(who): \(verdict). Without a secret this machine cannot ask it")
        case .unreachable(let words):
            return wrong("\(verdict), nor does this machine: \(words)", worker.advertiseChange)
        case .local(let words):
            return wrong("\(verdict). This machine cannot dial it: \(words)", worker.advertiseChange)
        }
    }

    /// At most five names.
    private static func list(_ names: [String]) -> String {
        names.prefix(5).joined(separator: ", ") + (names.count > 5 ? " and \(names.count - 5) more" : "")
    }
}

extension WorkerFacts {
    fileprivate var isReached: Bool { state == "ok" || state == "trial" }
    fileprivate var hasFailed: Bool { !isReached && (state != "probing" || backoffMilliseconds > 0) }
    fileprivate var isSilent: Bool { dial == .closed || dial == .unproved }

    fileprivate var advertiseChange: String {
        "on \(node): PRIVATE_HOSTNAME=<a host that gateways can dial>, or --advertise <host:port>, instead of \(address)"
    }

    fileprivate var secretChange: String { "on \(node): NODE_SECRET=<the value that the gateways have>" }
}
