import Testing
import WorkerCore

@testable import Configuration

@Suite struct PoolsTests {
    private func pools(
        _ file: String? = nil, environment: [String: String] = [:], flags: [String: [String]] = [:]
    ) throws -> [PoolRole] {
        try WorkerRole(settings(.worker, file: file, environment: environment, flags: flags)).pools
    }

    @Test func aPoolOfAProgramNamesWhatPlaywrightsClientsAskFor() throws {
        let named = try pools(
            "pools: {a: {kind: attach, attach: [ws://h:1/], protocol: playwright, browser: firefox, version: 1.65}}")
        #expect(named[0].namedBrowser == "firefox" && named[0].namedVersion == "1.65")
        #expect(try pools("pools: {a: {slots: 1, kind: command, command: x}}")[0].namedBrowser == nil)
    }

    @Test func theTableOfTheFile() throws {
        let file = """
            worker: {kind: command, command: serve, warm: 2}
            pools:
              AppA:Chromium:Staging: {slots: 3, kind: playwright, mode: shared, sessions: 4, maxSessions: 20, maxAge: 1h, memoryMax: 3G}
              AppB:
                slots: 1
                command: [./run, a b]
                args: [--x, y]
                env: {LANG: C, EMPTY: ''}
                warm: 0
              AppC: {slots: 2}
            """
        let pools = try pools(file)
        #expect(pools.map(\.label.text) == ["AppA:Chromium:Staging", "AppB", "AppC"])
        #expect(pools.map(\.slots) == [3, 1, 2] && pools.map(\.kind) == [.playwright, .command, .command])
        #expect(
            pools[0].seating
                == Seating(mode: .shared(seats: 4, sessionsMax: 20), spares: 2, ageMaxMilliseconds: 3_600_000))
        #expect(pools.map(\.memoryBytesMax) == [3_221_225_472, nil, nil])
        #expect(pools[1].command == ["/./run", "a b"] && pools[1].args == ["--x", "y"])
        #expect(pools[1].environment == ["LANG": "C", "EMPTY": ""])
        #expect(pools[1].seating.spares == 0 && pools[2].seating.spares == 2 && pools[2].command == ["serve"])
    }

    @Test(arguments: [
        ("pools: 3", "berth.yaml:1: 'pools' holds one entry a pool"),
        ("pools: {a b: {slots: 1}}", "'a b' is no pool label"),
        ("pools: {a: 3}", "pool a holds keys and values: slots, kind"),
        ("pools: {a: {}}", "pool a has no slots: write slots: 3"),
        ("pools: {a: {slots: 0}}", "pool a, 'slots': '0' is not a whole number from 1 to 1024"),
        ("pools: {a: {slot: 1}}", "unknown key 'slot'; did you mean 'slots'?"),
        ("pools: {a: {slots: 1, kind: playwrite}}", "'kind': unknown value 'playwrite'; did you mean 'playwright'?"),
        ("pools: {a: {slots: 1, mode: single}}", "'mode': unknown value 'single'"),
        ("pools: {a: {slots: 1, sessions: 2}}", "'sessions': counts in mode: shared alone"),
        ("pools: {a: {slots: 1, maxAge: 0s}}", "'maxAge': '0s' is not a duration"),
        (
            "pools: {a: {slots: 1, protocolLog: alowed}}",
            "'protocolLog': unknown value 'alowed'; did you mean 'allowed'?"
        ),
        ("pools: {a: {slots: 1, protocolLog: true}}", "pool a, 'protocolLog': unknown value 'true'"),
        ("pools: {a: {kind: lease, slots: 1, protocolLog: on}}", "'protocolLog': has no meaning for kind lease"),
        ("pools: {a: {slots: 1, memoryMax: 512}}", "'memoryMax': '512' is not a number of bytes like 512M"),
        ("pools: {a: {slots: 1, memoryMax: 0}}", "'memoryMax': '0' is not a number of bytes"),
        ("pools: {a: {kind: lease, slots: 1, memoryMax: 1G}}", "'memoryMax': has no meaning for kind lease"),
        ("pools: {a: {slots: 1, browser: opera}}", "'browser': unknown value 'opera'"),
        ("pools: {a: {slots: 1, command: \"x 'y\"}}", "'command': takes a program"),
        ("pools: {a: {slots: 1, mode: shared, sessions: 5, maxSessions: 4}}", "maxSessions 4 is below"),
        ("pools: {a: {slots: 1, kind: command}}", "pool a: kind command needs a command"),
        ("pools: {a: {slots: 1, protocol: cpd}}", "'protocol': unknown value 'cpd'; did you mean 'cdp'?"),
        ("pools: {a: {slots: 1, protocol: raw}}", "pool a: kind playwright speaks playwright: leave out the protocol"),
        (
            "pools: {a: {slots: 1, kind: command, command: x, protocol: cdp, mode: shared}}",
            "pool a: protocol cdp has no mode: shared"
        ),
        (
            "pools: {a: {slots: 1, kind: command, command: x, protocol: playwright, browser: firefox}}",
            "pool a: protocol playwright needs the browser and the version that clients ask for"
        ),
        (
            "pools: {a: {slots: 1, kind: command, command: x, protocol: playwright, browser: firefox, version: 1.65.1}}",
            "pool a, 'version': '1.65.1' is not major.minor like 1.65"
        ),
        (
            "pools: {a: {slots: 1, kind: command, command: x, version: 1.65}}",
            "pool a: version is that of Playwright"
        ),
        ("pools: {a: {slots: 1, version: 1.65}}", "pool a, 'version': has no meaning for kind playwright"),
        ("pools: {a: {slots: 1, kind: chromium, mode: shared}}", "pool a: protocol cdp has no mode: shared"),
        ("pools: {a: {slots: 1, kind: bidi, mode: shared}}", "pool a: protocol bidi has no mode: shared"),
        ("pools: {a: {slots: 1, kind: bidi, browser: webkit}}", "pool a: kind bidi serves chromium and firefox"),
        ("pools: {'a:Firefox': {slots: 1, kind: chromium}}", "pool a:Firefox is named after firefox"),
        ("pools: {a: {kind: lease}}", "pool a has no slots: write slots: 3"),
        ("pools: {a: {kind: lease, slots: 3, names: [x, y]}}", "pool a has 3 slots, but its names make 2"),
        ("pools: {a: {kind: lease, names: [x, x]}}", "pool a, 'names': has a name twice"),
        ("pools: {a: {kind: lease, names: [x, 'a:b']}}", "pool a, 'names': 'a:b' is no name"),
        ("pools: {a: {kind: lease, names: []}}", "pool a, 'names': takes a list of 1 to 1024 names"),
        ("pools: {a: {kind: lease, slots: 1, warm: 1}}", "pool a, 'warm': has no meaning for kind lease"),
        ("pools: {a: {kind: chromium, slots: 1, names: [x]}}", "pool a, 'names': has no meaning for kind chromium"),
        ("pools: {a: {kind: attach, slots: 1}}", "pool a: kind attach needs endpoints"),
        ("pools: {a: {kind: attach, attach: []}}", "pool a, 'attach': takes a list of 1 to 256 endpoints"),
        ("pools: {a: {kind: attach, attach: ['wss://h:1']}}", "pool a, 'attach': 'wss://h:1' needs TLS"),
        ("pools: {a: {kind: attach, attach: ['ws://h:1', 'ws://h:1']}}", "'attach': has an endpoint twice"),
        ("pools: {a: {kind: attach, attach: ['ws://h:1'], warm: 1}}", "'warm': has no meaning for kind attach"),
        ("pools: {a: {slots: 1000}, b: {slots: 25}}", "more than 1024 slots"),
        ("pools: {a: {slots: 1}}\nworker: {pools: {b: 1}}", "pools stand in 'pools' too"),
    ])
    func refusesInWords(file: String, expected: String) {
        let said = words { try pools(file) }
        #expect(said.contains(expected), "\(said)")
    }

    @Test func onlyTheTableTurnsProtocolLogsOn() throws {
        let file = "pools: {a: {slots: 1}, b: {slots: 1, protocolLog: allowed}, c: {slots: 1, protocolLog: on}}"
        #expect(try pools(file).map(\.protocolLog) == [.off, .allowed, .on])
        let command = "worker: {kind: command, command: x, protocolLogFolder: logs}\n"
        let role = try WorkerRole(settings(.worker, file: command + file))
        #expect(role.protocolLogFolder == "/logs")
        #expect(try WorkerRole(settings(.worker, file: file)).protocolLogFolder == nil)
        let printed = ConfigurationPrinter.text(try settings(.worker, file: file))
        #expect(
            printed.split(separator: "\n").filter { $0.contains("protocolLog:") } == [
                "    protocolLog: allowed", "    protocolLog: on",
            ])
    }

    @Test func aLeasePoolHasOneSeatForEachName() throws {
        let pools = try pools("worker: {warm: 3}\npools: {a: {kind: lease, names: [x, y]}, b: {kind: lease, slots: 3}}")
        #expect(pools.map(\.slots) == [2, 3] && pools.map(\.names) == [["x", "y"], []])
        #expect(pools.map(\.seating.spares) == [0, 0])
        #expect(pools.map { $0.seating.sidecars(for: $0.slots) } == [1, 1])
        #expect(pools[0].seating.sessionsMax == .max)
    }

    @Test func anAttachPoolHasTheSeatsOfItsEndpoints() throws {
        let file = """
            pools:
              a: {kind: attach, attach: ["ws://h:1/x", "http://h:2"]}
              b: {kind: attach, mode: shared, sessions: 3, attach: ["ws://h:1/x", "http://h:2"]}
              c: {kind: attach, mode: shared, sessions: 90, attach: ["ws://h:1/x"]}
            """
        let pools = try pools(file)
        #expect(pools.map(\.slots) == [2, 6, 90])
        #expect(pools[0].attach.map(\.description) == ["ws://h:1/x", "http://h:2"])
        #expect(pools[0].seating == Seating())
        #expect(pools[1].seating == Seating(mode: .shared(seats: 3, sessionsMax: .max)))
    }

    @Test func flagsAndEnvironmentReplaceTheTable() throws {
        let file = "pools: {a: {slots: 1}}\n"
        #expect(try pools(file, environment: ["POOL_CONFIG": "b=2"]).map(\.label.text) == ["b"])
        #expect(try pools(file, flags: ["worker.pools": ["c=1", "d=1"]]).map(\.label.text) == ["c", "d"])
    }

    @Test func theNamesOfOtherGrids() throws {
        let shared = try pools(environment: ["MAX_CONCURRENT_SESSIONS": "7", "MAX_LIFETIME_SESSIONS": "70"])
        #expect(shared.map(\.label.text) == ["default"] && shared[0].slots == 7)
        #expect(shared[0].seating == Seating(mode: .shared(seats: 7, sessionsMax: 70)))
        let pooled = try pools(
            environment: ["MAX_CONCURRENT_SESSIONS": "7", "POOL_CONFIG": "AppA:Chromium=2,x=1", "NODE_REGION": "eu"])
        #expect(pooled.map(\.label.text) == ["AppA:Chromium:eu", "x:eu"])
        #expect(pooled.map(\.servedBrowser) == ["chromium", "chromium"])
        let long = words { try pools(environment: ["POOL_CONFIG": "1:2:3:4:5:6:7:8=1", "NODE_REGION": "eu"]) }
        #expect(long.contains("NODE_REGION: pool 1:2:3:4:5:6:7:8 has 8 segments already"))
        let role = try WorkerRole(
            settings(
                .worker,
                environment: [
                    "POOL_CONFIG": "x=1", "CHROMIUM_ARGS": "--a '--b c'", "FIREFOX_ARGS": "-x", "HEADLESS": "false",
                ]))
        #expect(role.browserArgs == ["chromium": ["--a", "--b c"], "firefox": ["-x"], "webkit": []])
        #expect(!role.isHeadless)
    }

    /// `--executable` is the program of `--browser`, and of no other one.
    @Test func anExecutableIsOfOneBrowser() throws {
        let flags = ["worker.executable": ["/opt/chromium"]]
        let pools = try pools(flags: flags.merging(["worker.pools": ["a=1", "b:Firefox=1"]]) { $1 })
        #expect(pools.map(\.executable) == ["/opt/chromium", nil])
        let table = try self.pools(
            "pools: {a: {slots: 1}, 'b:Firefox': {slots: 1}, 'c:Firefox': {slots: 1, executable: /f}}", flags: flags)
        #expect(table.map(\.executable) == ["/opt/chromium", nil, "/f"])
        // A browser is no chromedriver.
        let driven = try self.pools("pools: {a: {slots: 1, kind: chromium}, b: {slots: 1, kind: bidi}}", flags: flags)
        #expect(driven.map(\.executable) == ["/opt/chromium", nil])
    }

    @Test func aWarmSpareIsTheDefaultOfDedicatedPools() throws {
        #expect(try pools(flags: ["worker.pools": ["a=1"]])[0].seating.spares == 1)
        #expect(try pools(flags: ["worker.pools": ["a=1"], "worker.mode": ["shared"]])[0].seating.spares == 0)
    }

    @Test func devHasAPoolOfItsOwnUnlessOthersAreNamed() throws {
        let own = try WorkerRole(settings(.dev, flags: ["dev.slots": ["3"]]), isDev: true)
        #expect(own.pools.map(\.label.text) == ["dev"] && own.pools[0].slots == 3)
        let named = try WorkerRole(settings(.dev, flags: ["worker.pools": ["a=1", "b=2"]]), isDev: true)
        #expect(named.pools.map(\.slots) == [1, 2])
    }
}
