import Testing

@testable import Doctor

extension Diagnosis {
    fileprivate var text: String { lines.joined(separator: "\n") }
}

/// Findings from facts: each fault is named with the line to change, and nothing else is.
@Suite struct DiagnosisTests {
    static let server = {
        var server = RedisFacts.Server()
        (server.version, server.policy, server.aheadMilliseconds) = ("Redis 7.0.15", "noeviction", -40)
        server.roundTripMicroseconds = 340
        return server
    }()
    static let worker = WorkerFacts(node: "w1", address: "10.0.0.7:3131", state: "ok", dial: .alive)
    static let facts = Facts(
        redis: RedisFacts(address: "redis://redis:6379", setting: "REDIS_URL", answer: .given(server)),
        fleet: FleetFacts(
            name: "default", gateways: [GatewayFacts(node: "g1")], workers: [worker], hasSecret: true,
            secretSetting: "NODE_SECRET"),
        door: .answered(address: "gw:8080", status: 204),
        machine: MachineFacts(
            openFiles: 65_536,
            worker: MachineFacts.Worker(
                programs: .found(["a|chromium|1.60|playwright"]), hasBrowser: true, sharedMemoryBytes: 1 << 30,
                fonts: 12)))

    private func diagnosis(_ change: (inout Facts) -> Void) -> Diagnosis {
        var facts = Self.facts
        change(&facts)
        return Diagnosis(facts)
    }

    /// The only thing that is wrong.
    private func only(
        _ check: Check, location: SourceLocation = #_sourceLocation, _ change: (inout Facts) -> Void
    ) -> Finding {
        let wrong = diagnosis(change).findings.filter { $0.verdict == .wrong }
        #expect(wrong.map(\.check) == [check], sourceLocation: location)
        #expect(wrong.allSatisfy { !$0.change.isEmpty }, sourceLocation: location)
        return wrong.first ?? Finding(check, .skipped, "")
    }

    /// It is the only thing that is wrong, and it says that.
    private func expect(
        _ check: Check, says part: String, location: SourceLocation = #_sourceLocation, _ change: (inout Facts) -> Void
    ) {
        let finding = only(check, location: location, change)
        #expect((finding.words + finding.change).contains(part), sourceLocation: location)
    }

    private func dialled(_ state: String, backoff: Int = 0, _ dial: WorkerFacts.Dial) -> WorkerFacts {
        WorkerFacts(node: "w1", address: "10.0.0.7:3131", state: state, backoffMilliseconds: backoff, dial: dial)
    }

    @Test func allIsWell() {
        let diagnosis = Diagnosis(Self.facts)
        #expect(diagnosis.exitCode == 0 && diagnosis.wrong == 0)
        #expect(diagnosis.findings.allSatisfy { $0.verdict == .ok && $0.change.isEmpty })
        for path in Path.allCases { #expect(diagnosis.text.contains(path.rawValue)) }
        #expect(diagnosis.text.hasSuffix("All is well."))
        #expect(diagnosis.text.contains("redis://redis:6379 answers in 0.3 ms"))
        #expect(diagnosis.text.contains("0.0 s apart"))
    }

    @Test func aRedisThatIsAwayIsNoLook() {
        let diagnosis = diagnosis {
            $0.redis.answer = .none("connection refused")
            $0.fleet = nil
        }
        #expect(diagnosis.exitCode == 2)
        #expect(diagnosis.text.contains("connection refused") && diagnosis.text.contains("→ REDIS_URL: "))
        #expect(diagnosis.text.hasSuffix("The fleet could not be looked at."))
    }

    @Test func redisIsJudged() {
        func server(_ change: (inout RedisFacts.Server) -> Void) -> (inout Facts) -> Void {
            var server = Self.server
            change(&server)
            return { [server] in $0.redis.answer = .given(server) }
        }
        expect(.policy, says: "noeviction", server { $0.policy = "allkeys-lru" })
        expect(.version, says: "6.2.1", server { $0.version = "Redis 6.2.1" })
        expect(.role, says: "REDIS_URL", server { $0.isReplica = true })
        expect(.clock, says: "61.2 s behind", server { $0.aheadMilliseconds = -61_250 })
        expect(.clock, says: "ahead", server { $0.aheadMilliseconds = 5_001 })
        expect(.rights, says: "ZADD", server { $0.refusedCommands = ["ZADD"] })
        expect(.rights, says: "NOPERM", server { $0.scriptRefusal = "NOPERM" })
        let mute = diagnosis(
            server {
                ($0.version, $0.policy) = ("", nil)
                $0.aheadMilliseconds = 5_000
            })
        #expect(mute.exitCode == 0)
        #expect(mute.findings.filter { $0.verdict == .skipped }.map(\.check) == [.version, .policy])
    }

    @Test func anEmptyFleetIsNamed() {
        expect(.gateways, says: "berth gateway") { $0.fleet?.gateways = [] }
        let words = only(.workers) { $0.fleet?.workers = [] }.words
        #expect(words.contains("fleet default"))
        let suspended = only(.gateways) { $0.fleet?.gateways[0].suspension = "claim" }
        #expect(suspended.words.contains("g1 is suspended") && suspended.words.contains("another gateway reached"))
        expect(.sidecars, says: "w1: no node") { $0.fleet?.workers[0].trouble = "no node" }
    }

    @Test func theGatewaysVerdictComesFirst() {
        for dial: WorkerFacts.Dial in [.unreachable("timed out"), .local("no descriptor")] {
            let diagnosis = diagnosis { $0.fleet?.workers = [dialled("trial", dial)] }
            #expect(diagnosis.exitCode == 0, "gateways reach it, and this machine need not")
            #expect(diagnosis.text.contains("gateways reach it. This machine does not"))
        }
    }

    @Test(arguments: [("probing", 1_000), ("suspect", 0), ("quarantined", 2_000)])
    func anAddressThatNobodyReachesIsTheWorkersToChange(_ state: String, _ backoff: Int) {
        let finding = only(.address) {
            $0.fleet?.workers = [dialled(state, backoff: backoff, .unreachable("connection refused"))]
        }
        #expect(finding.words.contains("connection refused") && finding.words.contains(state))
        #expect(finding.change.hasPrefix("on w1: PRIVATE_HOSTNAME="))
    }

    @Test func aWorkerThatDoesNotProveItselfHasAnotherSecretOrAddress() {
        for dial: WorkerFacts.Dial in [.closed, .unproved] {
            let finding = only(.address) { $0.fleet?.workers = [dialled("probing", backoff: 1_000, dial)] }
            #expect(finding.words.contains("its NODE_SECRET differs, or another program or worker"))
            #expect(finding.change.hasPrefix("on w1: NODE_SECRET=") && finding.change.contains("PRIVATE_HOSTNAME"))
            let blind = only(.address) {
                $0.fleet?.workers = [dialled("probing", backoff: 1_000, dial)]
                $0.fleet?.hasSecret = false
            }
            #expect(!blind.words.contains("NODE_SECRET"), "this machine has none to compare")
            let young = diagnosis {
                $0.fleet?.workers = [dialled("probing", dial)]
                $0.fleet?.hasSecret = false
            }
            #expect(young.exitCode == 0 && young.text.contains("cannot ask it"))
        }
    }

    @Test func aWorkerThatOnlyThisMachineReachesPointsAtTheGateways() {
        let finding = only(.address) { $0.fleet?.workers = [dialled("probing", backoff: 1_000, .alive)] }
        #expect(finding.change.hasPrefix("on the gateways: NODE_SECRET="))
        let young = diagnosis { $0.fleet?.workers = [dialled("probing", .alive)] }
        #expect(young.exitCode == 0 && young.text.contains("no gateway has tried it yet"))
    }

    @Test func aWrongSecretOfThisMachineIsNamedAsSuch() {
        let finding = only(.secret) { $0.fleet?.workers = [dialled("ok", .closed)] }
        #expect(finding.change.hasPrefix("NODE_SECRET, on this machine"))
        let without = diagnosis {
            $0.fleet?.workers = [dialled("ok", .closed)]
            $0.fleet?.hasSecret = false
        }
        #expect(without.exitCode == 0 && without.findings.contains { $0.check == .secret && $0.verdict == .skipped })
        let open = diagnosis { $0.fleet?.hasSecret = false }
        #expect(open.exitCode == 0 && open.text.contains("works without a secret"))
    }

    @Test func twoWorkersBehindOneAddressAreNamed() {
        let finding = only(.address) {
            $0.fleet?.workers.append(WorkerFacts(node: "w2", address: "10.0.0.7:3131", state: "ok", dial: .alive))
        }
        #expect(finding.words.contains("w1, w2 advertise the same address 10.0.0.7:3131"))
        let leaving = diagnosis {
            $0.fleet?.workers.append(
                WorkerFacts(node: "w2", address: "10.0.0.7:3131", state: "ok", isDraining: true, dial: .alive))
        }
        #expect(leaving.exitCode == 0)
    }

    @Test func theClientsPathIsJudged() {
        expect(.door, says: "drains") { $0.door = .answered(address: "gw:8080", status: 503) }
        expect(.door, says: "404") { $0.door = .answered(address: "gw:80", status: 404) }
        expect(.door, says: "refused") { $0.door = .unreachable(address: "gw:1", words: "refused") }
        #expect(diagnosis { $0.door = .notAsked }.exitCode == 0)
    }

    @Test func theMachineIsJudged() {
        expect(.openFiles, says: "65536") { $0.machine.openFiles = 1_024 }
        expect(.sharedMemory, says: "64 MiB") { $0.machine.worker?.sharedMemoryBytes = 64 << 20 }
        expect(.sharedMemory, says: "tmpfs") { $0.machine.worker?.sharedMemoryBytes = nil }
        expect(.fonts, says: "fonts-liberation") { $0.machine.worker?.fonts = 0 }
        expect(.programs, says: "no node") { $0.machine.worker?.programs = .missing("no node") }
        let plain = diagnosis {
            $0.machine.worker?.hasBrowser = false
            $0.machine.worker?.fonts = 0
            $0.machine.worker?.sharedMemoryBytes = nil
        }
        #expect(plain.exitCode == 0, "a pool of commands needs neither")
        #expect(diagnosis { $0.machine.worker = nil }.exitCode == 0)
    }

    @Test func severalFaultsAreCounted() {
        let diagnosis = diagnosis {
            $0.machine.openFiles = 1
            $0.fleet?.gateways = []
        }
        #expect(diagnosis.wrong == 2 && diagnosis.exitCode == 1 && diagnosis.text.hasSuffix("2 things are wrong."))
    }
}
