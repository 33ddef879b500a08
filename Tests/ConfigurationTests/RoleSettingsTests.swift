import GatewayCore
import Testing

@testable import Configuration

@Suite struct RoleSettingsTests {
    private let digest = String(repeating: "0", count: 64)

    @Test func anOpenGatewayStaysOnLoopback() throws {
        #expect(try GatewayRole(settings(.gateway)).listen.description == "127.0.0.1:8080")
        let wide = ["gateway.listen": ["0.0.0.0:0"]]
        #expect(words { try GatewayRole(settings(.gateway, flags: wide)) }.contains("--insecure-open"))
        // `berth dev` has no such flag, and none that the file could give.
        let dev = words {
            try GatewayRole(
                settings(.dev, file: "gateway: {insecureOpen: true}\n", flags: ["dev.listen": ["0.0.0.0:0"]]),
                listenName: "dev.listen")
        }
        #expect(dev.contains("no tenant has a key") && !dev.contains("--insecure-open"), "\(dev)")
        let said = try GatewayRole(
            settings(.gateway, flags: wide.merging(["gateway.insecureOpen": ["true"]]) { $1 }))
        #expect(said.listen.description == "0.0.0.0:0")
        let keyed = try GatewayRole(settings(.gateway, file: "tenants: {a: {keys: [\(digest)]}}\n"))
        #expect(keyed.listen.description == "0.0.0.0:8080" && !keyed.tenancy.isOpen)
    }

    @Test func aWorkerWithoutSecretStaysOnLoopback() throws {
        let pools = ["worker.pools": ["a=1"]]
        #expect(try WorkerRole(settings(.worker, flags: pools)).listen.description == "127.0.0.1:3131")
        let wide = pools.merging(["worker.listen": ["10.0.0.1:0"]]) { $1 }
        #expect(words { try WorkerRole(settings(.worker, flags: wide)) }.contains("set NODE_SECRET"))
        #expect(words { try WorkerRole(settings(.worker)) }.contains("a worker needs a pool"))
    }

    @Test(arguments: [
        ("a=0", "has \"0\" slots"), ("a", "is not label=slots"), ("a::b=1", "is no pool label"),
        ("a b=1", "is no pool label"), ("a=1,a=2", "is named twice"), ("a=1000,b=1000", "more than 1024 slots"),
    ])
    func poolsAreChecked(text: String, expected: String) {
        let said = words { try WorkerRole(settings(.worker, environment: ["POOL_CONFIG": text])) }
        #expect(said.contains(expected), "\(said)")
    }

    @Test func aCommandSidecarNeedsItsCommand() throws {
        var flags = ["worker.pools": ["a=1"], "worker.kind": ["command"]]
        #expect(words { try WorkerRole(settings(.worker, flags: flags)) }.contains("kind command needs a command"))
        flags["worker.command"] = ["echo 'a b' c\\ d"]
        #expect(try WorkerRole(settings(.worker, flags: flags)).pools[0].command == ["echo", "a b", "c d"])
        flags["worker.command"] = ["echo 'a"]
        #expect(words { try WorkerRole(settings(.worker, flags: flags)) }.contains("a quote is not closed"))
    }

    @Test func nodeSecretsRotateAndAreLongEnough() throws {
        let one = String(repeating: "a", count: 16)
        let two = String(repeating: "b", count: 16)
        func node(_ secret: String) throws -> NodeRole {
            try NodeRole(settings(.worker, environment: ["NODE_SECRET": secret]), hostName: "host.example lan")
        }
        #expect(try node("\(one),\(two)").secrets == [one, two])
        #expect(try node(one).nodeID == "host.example-lan")
        #expect(words { try node("short") }.contains("shorter than 16"))
        #expect(words { try node("\(one),\(one),\(one)") }.contains("more than two"))
    }
}

@Suite struct SmallFormsTests {
    @Test func durations() {
        #expect(DurationText.milliseconds("500ms") == 500)
        #expect(DurationText.milliseconds("30s") == 30_000)
        #expect(DurationText.milliseconds("2m") == 120_000)
        #expect(DurationText.milliseconds("1h") == 3_600_000)
        #expect(DurationText.milliseconds("0") == 0)
        for wrong in ["", "s", "1", "-1s", "1.5s", "1d", "1s ", "99999999999s", "8761h", "٣s"] {
            #expect(DurationText.milliseconds(wrong) == nil, "\(wrong)")
        }
        for text in ["500ms", "90s", "2m", "1h", "0"] {
            #expect(DurationText.milliseconds(text).map(DurationText.text) == text)
        }
    }

    @Test func bytes() {
        #expect(BytesText.bytes("64K") == 65_536 && BytesText.bytes("512M") == 536_870_912)
        #expect(BytesText.bytes("2G") == 2_147_483_648 && BytesText.bytes("0") == 0)
        #expect(BytesText.bytes("16384G") == BytesText.bytesMax)
        #expect(BytesText.bytes("9999999999G") == nil, "the product has no room in 64 bits")
        for wrong in ["", "G", "1", "-1G", "1.5G", "1T", "1MB", "1m", "1G ", "16385G", "99999999999G", "٣G"] {
            #expect(BytesText.bytes(wrong) == nil, "\(wrong)")
        }
        for text in ["1000M", "2G", "3K", "0"] {
            #expect(BytesText.bytes(text).map(BytesText.text) == text)
        }
    }

    @Test func theReserveOfMemoryHasADefault() throws {
        func reserve(_ environment: [String: String]) throws -> Int {
            try WorkerRole(settings(.worker, environment: environment.merging(["POOL_CONFIG": "a=1"]) { $1 }))
                .memoryReserveBytes
        }
        #expect(try reserve([:]) == 536_870_912 && reserve(["BERTH_MEMORY_RESERVE": "0"]) == 0)
    }

    @Test func addresses() {
        #expect(ListenAddress("127.0.0.1:80")?.isLoopback == true)
        #expect(ListenAddress("[::1]:80") == ListenAddress(host: "::1", port: 80))
        #expect(ListenAddress("[::1]:80")?.description == "[::1]:80")
        #expect(ListenAddress("10.0.0.1:0")?.isLoopback == false)
        for wrong in ["", "host", "::1:80", "h:99999", "h:", "h:8a", "[]:1", "[::1:1"] {
            #expect(ListenAddress(wrong) == nil, "\(wrong)")
        }
    }

    @Test func spelling() {
        #expect(Spelling.distance("listen", "lisetn") == 1)
        #expect(Spelling.distance("", "abc") == 3)
        #expect(Spelling.nearest(to: "zzzz", among: ["listen", "fleet"]) == nil)
    }
}

@Suite struct GatewayRoleTests {
    @Test func proxiesAndTheWaitWithoutAWorkerAreChecked() throws {
        func role(_ file: String) throws -> GatewayRole { try GatewayRole(settings(.gateway, file: file)) }
        #expect(try role("").noWorkerWaitMilliseconds == nil)
        #expect(try role("gateway: {noWorkerWait: 1s}\n").noWorkerWaitMilliseconds == 1_000)
        #expect(words { try role("gateway: {noWorkerWait: 999ms}\n") }.contains("is shorter than 1s"))
        #expect(try role("gateway: {trustedProxies: [10.0.0.0/8, '::1']}\n").tenancy.trustedProxies != .none)
        #expect(words { try role("gateway: {trustedProxies: [10.0.0.1/8]}\n") }.contains("bits behind its length"))
        #expect(words { try role("gateway: {trustedProxies: [proxy.lan]}\n") }.contains("is not an address"))
        let many = (0...TrustedProxies.rangesMax).map { "10.0.0.\($0)" }.joined(separator: ", ")
        #expect(words { try role("gateway: {trustedProxies: [\(many)]}\n") }.contains("more than 64"))
    }
}
