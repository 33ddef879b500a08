import QueueCore
import Testing

@testable import Configuration

/// Reads settings as a command would; answers the problems' words where there are any.
func settings(
    _ command: Setting.Command, file: String? = nil, environment: [String: String] = [:],
    flags: [String: [String]] = [:], tenantFlags: [String] = [], secretFiles: [String: String] = [:]
) throws -> Settings {
    var input = SettingsInput(command: command)
    input.file = file.map { ("berth.yaml", Array($0.utf8)) }
    input.environment = environment
    input.flags = flags
    input.tenantFlags = tenantFlags
    input.readFile = { secretFiles[$0].map { Array($0.utf8) } }
    return try Settings(input)
}

func words(_ body: () throws -> some Any) -> String {
    do {
        return "no problem: \(try body())"
    } catch {
        return "\(error)"
    }
}

@Suite struct SettingsTests {
    @Test func flagsWinOverEnvironmentOverFileOverDefaults() throws {
        let file = "fleet: from-file\n"
        #expect(try settings(.gateway).text("fleet") == "default")
        #expect(try settings(.gateway, file: file).text("fleet") == "from-file")
        #expect(try settings(.gateway, file: file, environment: ["BERTH_FLEET": "env"]).text("fleet") == "env")
        let all = try settings(.gateway, file: file, environment: ["BERTH_FLEET": "env"], flags: ["fleet": ["flag"]])
        #expect(all.text("fleet") == "flag")
    }

    @Test func anEmptyVariableIsNotSet() throws {
        #expect(try settings(.gateway, environment: ["BERTH_FLEET": ""]).text("fleet") == "default")
    }

    @Test(arguments: [
        ("gatway:\n  listen: ':1'\n", "berth.yaml:1: unknown key 'gatway'; did you mean 'gateway'?"),
        (
            "fleet: a\ngateway:\n  drainTimout: 3s\n",
            "berth.yaml:3: unknown key 'drainTimout'; did you mean 'drainTimeout'?"
        ),
        ("tenants:\n  a:\n    maxwait: 3s\n", "berth.yaml:3: unknown key 'maxwait'; did you mean 'maxWait'?"),
        ("defaults:\n  caps: 3\n", "berth.yaml:2: unknown key 'caps'; did you mean 'cap'?"),
        (
            "gateway:\n  zzzzzzzzz: 3\n",
            "known here: adminListen, defaultBrowser, drainTimeout, insecureOpen, listen, noWorkerWait, origins, reusePort, trustedProxies"
        ),
        ("gateway:\n  drainTimeout: 30\n", "berth.yaml:2: '30' is not a duration"),
        ("gateway:\n  listen: nowhere\n", "berth.yaml:2: 'nowhere' is not host:port"),
        ("gateway:\n  insecureOpen: yes\n", "berth.yaml:2: 'yes' is neither true nor false"),
        ("gateway: 3\n", "berth.yaml:1: 'gateway' holds keys and values"),
        ("fleet: [a]\n", "berth.yaml:1: 'fleet' takes one value"),
        ("fleet: 'a b'\n", "berth.yaml:1: 'a b' is not 1–64 characters"),
        ("worker:\n  kind: playwrite\n", "berth.yaml:2: unknown value 'playwrite'; did you mean 'playwright'?"),
        ("tenants:\n  'a b': {}\n", "berth.yaml:2: 'a b' is no tenant's name"),
        ("tenants:\n  a: {cap: -1}\n", "berth.yaml:2: 'cap': '-1' is not a whole number from 0"),
        ("- a\n", "berth.yaml:1: the file holds keys and values"),
    ])
    func namesThePlaceAndTheNearestKey(file: String, expected: String) {
        let said = words { try settings(.gateway, file: file) }
        #expect(said.contains(expected), "\(said)")
    }

    @Test func tellsAllThatIsWrongAtOnce() {
        let said = words {
            try settings(.gateway, file: "a: 1\nb: 2\n", environment: ["BERTH_DRAIN_TIMEOUT": "x"])
        }
        #expect(said.split(separator: "\n").count == 3)
        #expect(said.contains("BERTH_DRAIN_TIMEOUT: 'x' is not a duration"))
    }

    @Test func aSecretComesFromAFileToo() throws {
        let files = ["/run/secret": "0123456789abcdef\n"]
        let byEnvironment = try settings(.worker, environment: ["NODE_SECRET_FILE": "/run/secret"], secretFiles: files)
        #expect(byEnvironment.text("node.secret") == "0123456789abcdef")
        let byFlag = try settings(.worker, flags: ["node.secretFile": ["/run/secret"]], secretFiles: files)
        #expect(byFlag.text("node.secret") == "0123456789abcdef")
        let byFile = try settings(.worker, file: "redis:\n  urlFile: /run/secret\n", secretFiles: files)
        #expect(byFile.text("redis.url") == "0123456789abcdef")
        #expect(
            words { try settings(.worker, environment: ["NODE_SECRET_FILE": "/no"]) }.contains("cannot be read: /no"))
        let both = ["NODE_SECRET": "x", "NODE_SECRET_FILE": "/run/secret"]
        #expect(words { try settings(.worker, environment: both, secretFiles: files) }.contains("keep one"))
    }

    @Test func aFileMaySetWhatAnotherCommandUses() throws {
        let file = "gateway:\n  listen: ':1'\nworker:\n  pools: {AppA: 2}\n"
        #expect(try settings(.gateway, file: file).text("gateway.listen") == ":1")
        #expect(try settings(.worker, file: file).texts("worker.pools") == ["AppA=2"])
    }
}

@Suite struct TenantsTests {
    private let digest = String(repeating: "ab", count: 32)

    @Test func aTenantStartsFromTheDefaults() throws {
        let file = """
            tenants:
              acme: {cap: 2, maxWait: 90s, keys: [\(digest)], label: 'AppA:Chromium'}
              beta:
            defaults: {cap: 7, maxPriority: 30s, weight: 2, maxQueue: 5}
            """
        let read = try settings(.gateway, file: file)
        let acme = read.tenants[0].limits
        #expect(acme.cap == 2 && acme.waitMaxMilliseconds == 90_000 && acme.priorityMaxSeconds == 30)
        #expect(read.tenants[0].keyHashes == [digest])
        #expect(read.tenants[0].label == "AppA:Chromium")
        #expect(read.tenants[1].limits == read.defaults)
        #expect(read.defaults.cap == 7 && read.defaults.weight == 2 && read.defaults.queueMax == 5)
    }

    @Test func aGuaranteeIsAtMostTheCap() throws {
        let read = try settings(.gateway, file: "tenants:\n  acme: {cap: 3, guarantee: 3}\n")
        #expect(read.tenants[0].limits.guarantee == 3)
        let said = words { try settings(.gateway, file: "tenants:\n  acme: {cap: 2, guarantee: 3}\n") }
        #expect(said.contains("berth.yaml:2:") && said.contains("guarantee of 3 is above its cap of 2"))
    }

    @Test func whatTheFleetIsToldComesFromTheFile() throws {
        let file = "policy: fair\nscaleFromZero: [AppA:Chromium, 'q|firefox']\n"
        let role = try GatewayRole(settings(.gateway, file: file))
        #expect(role.tenancy.policy == .fair && role.tenancy.scaleFromZero == ["AppA:Chromium", "q|firefox"])
        let said = words { try GatewayRole(settings(.gateway, file: "scaleFromZero: ['a b']\n")) }
        #expect(said.contains("'a b' is no label"))
        let many = "scaleFromZero: [\((0...256).map { "p\($0)" }.joined(separator: ", "))]\n"
        #expect(words { try GatewayRole(settings(.gateway, file: many)) }.contains("more than 256"))
    }

    @Test func aPlainKeyIsRefusedWithoutBeingRepeated() {
        let said = words { try settings(.gateway, file: "tenants:\n  acme:\n    keys:\n      - hunter2\n") }
        #expect(said.contains("berth.yaml:4:") && said.contains("sha256sum") && !said.contains("hunter2"))
    }

    @Test func oneKeyForTwoTenantsIsRefused() {
        let said = words { try settings(.gateway, file: "tenants: {a: {keys: [\(digest)]}, b: {keys: [\(digest)]}}\n") }
        #expect(said.contains("tenants 'a' and 'b' have the same key"))
    }

    @Test func aFlagAddsOrReplacesATenant() throws {
        let read = try settings(
            .gateway, file: "tenants: {acme: {cap: 1}}\n", tenantFlags: ["acme:cap=3,maxWait=2m,key=\(digest)", "beta"])
        #expect(read.tenants.map(\.name) == ["acme", "beta"])
        #expect(read.tenants[0].limits.cap == 3 && read.tenants[0].keyHashes == [digest])
        #expect(words { try settings(.gateway, tenantFlags: ["a:cup=3"]) }.contains("did you mean 'cap'?"))
    }
}

@Suite struct LegacyEnvironmentTests {
    @Test func understoodNames() throws {
        let gateway = try settings(.gateway, environment: ["REDIS_HOST": "r", "REDIS_PORT": "7", "PORT": "99"])
        #expect(gateway.text("redis.url") == "redis://r:7")
        #expect(try GatewayRole(gateway).listen.description == "127.0.0.1:99")
        #expect(
            try settings(.gateway, environment: ["REDIS_URL": "redis://u", "REDIS_HOST": "r"]).text("redis.url")
                == "redis://u")
        let secret = "0123456789abcdef"
        let worker = try settings(
            .worker,
            environment: [
                "HUB_NODE_SECRET": secret, "POOL_CONFIG": "AppA:Chromium:Staging=3, AppB:Firefox:UAT=1",
                "PRIVATE_HOSTNAME": "w1", "BROWSER_TYPE": "firefox", "HEADLESS": "true", "NODE_ID": "n1",
            ])
        #expect(worker.text("node.secret") == secret)
        let typed = try WorkerRole(worker)
        #expect(typed.pools.map(\.label.text) == ["AppA:Chromium:Staging", "AppB:Firefox:UAT"])
        #expect(typed.pools.map(\.slots) == [3, 1] && typed.pools.map(\.servedBrowser) == ["chromium", "firefox"])
        #expect(typed.listen.description == "0.0.0.0:3131" && typed.advertise?.host == "w1" && typed.isHeadless)
    }

    /// Every name of the table does what it says, for each command it concerns.
    @Test(arguments: LegacyName.all)
    func everyNameIsUnderstoodOrRefused(legacy: LegacyName) {
        for command in legacy.commands {
            let value = legacy.name == "REDIS_HOST" ? "host-7" : "7"
            let said = words { try settings(command, environment: [legacy.name: value]) }
            switch legacy.treatment {
            case .means, .contributes: #expect(said.hasPrefix("no problem"), "\(said)")
            case .refused(let why):
                #expect(said.contains("\(legacy.name): is not a setting of Berth: \(why)"), "\(said)")
            }
        }
    }
}
