import QueueCore
import Testing

@testable import GatewayCore

private let keyed = Tenancy(
    tenants: [
        Tenant(
            name: "acme", keyHashes: ["hash-one", "hash-two"], limits: limits(waitMax: 10_000, priorityMax: 60),
            label: "AppA"),
        Tenant(name: "beta", keyHashes: ["hash-b"], limits: limits()),
    ],
    allowedOrigins: ["https://ok.example"])

@Suite struct TenancyTests {
    @Test(arguments: [
        ("/", "Authorization: Bearer one", "acme"), ("/", "authorization: bearer  two ", "acme"),
        // `one:` and `b:x` in base64.
        ("/", "Authorization: Basic b25lOg==", "acme"), ("/", "Authorization: Basic Yjp4", "beta"),
        ("/?token=b", "X: y", "beta"), ("/", "x-berth-token: b", "beta"),
        // The header comes before the option.
        ("/?token=b", "Authorization: Bearer one", "acme"),
    ])
    func knowsTenantsByKey(_ target: String, _ line: String, _ tenant: String) throws {
        #expect(try admit(playwright(target, [line]), keyed).tenant == tenant)
    }

    @Test(arguments: [
        ("/", "X: y"), ("/", "Authorization: Bearer three"),
        ("/", "Authorization: Digest one"), ("/", "Authorization: Basic !"),
        ("/?token=hash-one", "X: y"), ("/", "x-berth-tenant: acme"),
        ("/?token=one", "Authorization: Bearer wrong"),
    ])
    func refusesWithoutAKnownKey(_ target: String, _ line: String) {
        #expect(refusal(playwright(target, [line]), keyed)?.code == .unauthorized)
    }

    /// Even where a tenant has the key of nothing: a client without a key is not that tenant.
    @Test(arguments: [
        ("/?token=", "X: y"), ("/?token", "X: y"), ("/?token=%0A", "X: y"), ("/?token=%20", "X: y"),
        ("/", "x-berth-token:"), ("/", "Authorization:"), ("/", "Authorization: Bearer"),
        ("/", "Authorization: Bearer  "),
        // `:x`, `:` and a line feed in base64.
        ("/", "Authorization: Basic Ong="), ("/", "Authorization: Basic Og=="), ("/", "Authorization: Basic Cg=="),
        ("/", "Authorization: Basic"),
    ])
    func anEmptyKeyIsNone(_ target: String, _ line: String) throws {
        let careless = Tenancy(tenants: [
            Tenant(name: "nobody", keyHashes: ["hash-", "hash-\n", "hash- "], limits: limits()),
            Tenant(name: "beta", keyHashes: ["hash-b"], limits: limits()),
        ])
        let refused = refusal(playwright(target, [line]), careless)
        #expect(refused?.code == .unauthorized && refused?.message.hasPrefix("A key is needed") == true)
        // Then another form counts, and without any key open mode answers.
        let both = target.contains("?") ? "x-berth-token: b" : line
        #expect(try admit(playwright(target.contains("?") ? target : "/?token=b", [both]), careless).tenant == "beta")
        #expect(refusal(playwright(target, [line])) == nil)
    }

    @Test func boundsWhatIsAskedByTheTenant() throws {
        let request = try admit(playwright("/?wait=60s&priority=90&token=one"), keyed)
        #expect(request.waitMilliseconds == 10_000)
        #expect(request.headStartSeconds == 60)
        #expect(request.selector.pattern == "AppA")
        #expect(try admit(playwright("/?label=Other&token=one"), keyed).selector.pattern == "Other")
        #expect(try admit(playwright("/?priority=90&token=b"), keyed).headStartSeconds == 0)
    }

    @Test func openModeTakesTheTenantsName() throws {
        #expect(try admit(playwright("/", ["x-berth-tenant: team-7"])).tenant == "team-7")
        #expect(refusal(playwright("/", ["x-berth-tenant: a b"]))?.status == 400)
        #expect(refusal(playwright("/", ["x-berth-tenant: a", "x-berth-tenant: b"]))?.status == 400)
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.0.0.1:8080", true), ("127.9.8.7", true), ("localhost:1", true), ("LocalHost", true),
        ("[::1]", true), ("[::1]:8080", true), ("evil.example", false), ("127.0.0.1.evil.example", false),
        ("127.0.0", false), ("127.0.0.256", false), ("localhost.evil.example", false), ("[::2]", false),
        ("[::1]x", false), ("127.0.0.1:x", false), ("10.0.0.1", false), ("[::1", false),
    ])
    func openModeAnswersLoopbackNamesOnly(_ host: String, _ isAnswered: Bool) {
        let text = handshake("/", host: host, [playwrightAgent])
        #expect((refusal(text) == nil) == isAnswered)
        if !isAnswered { #expect(refusal(text)?.code == .forbidden) }
        #expect(refusal(text, Tenancy(tenants: [], allowsForeignHosts: true)) == nil)
        #expect(refusal(text, keyed)?.code == .unauthorized)
    }

    /// A library that sends its target as the Origin passes where that proves something; a page that DNS rebinding
    /// brings here has its own name in both headers, and never passes by that alone.
    @Test(arguments: [
        // Host, Origin, accepted with a key, without one on loopback, without one and foreign Hosts answered.
        ("gw.example", "https://gw.example", true, false, false),
        ("gw.example:8080", "http://gw.example:8080", true, false, false),
        ("GW.example:443", "https://gw.EXAMPLE", true, false, false),
        ("gw.example:80", "http://gw.example", true, false, false),
        ("gw.example:8080", "http://gw.example", false, false, false),
        ("gw.example", "http://evil.example", false, false, false),
        ("gw.example", "http://gw.example.evil.example", false, false, false),
        ("gw.example", "null", false, false, false), ("gw.example", "file://gw.example", false, false, false),
        ("gw.example", "http://gw.example/x", false, false, false),
        ("gw.example", "http://u@gw.example", false, false, false),
        ("127.0.0.1:8080", "http://127.0.0.1:8080", true, true, true),
        ("[::1]:8080", "http://[::1]:8080", true, true, true),
        ("localhost:8080", "http://localhost:8080", true, true, true),
        ("localhost:8080", "http://localhost:3000", false, false, false),
        ("localhost:8080", "http://127.0.0.1:8080", false, false, false),
        ("10.0.0.5:8080", "http://10.0.0.5:8080", true, false, true),
        ("[2001:db8::1]:8080", "http://[2001:db8::1]:8080", true, false, true),
        ("10.0.0.256", "http://10.0.0.256", true, false, false), ("0x7f.1", "http://0x7f.1", true, false, false),
    ])
    func theOwnOriginPasses(_ host: String, _ origin: String, _ key: Bool, _ loopback: Bool, _ foreign: Bool) {
        let text = handshake("/?token=b", host: host, [playwrightAgent, "Origin: \(origin)"])
        #expect((refusal(text, keyed) == nil) == key)
        #expect((refusal(text) == nil) == loopback)
        #expect((refusal(text, Tenancy(tenants: [], allowsForeignHosts: true)) == nil) == foreign)
        if !key { #expect(refusal(text, keyed)?.message.contains("suppress_origin") == true) }
    }

    @Test func aPageThatCameUnencryptedHasNotTheOriginOfTheEncryptedName() {
        let proxied = Tenancy(
            tenants: keyed.tenants, trustedProxies: TrustedProxies([try! AddressRange("192.0.2.7")]))
        func code(_ origin: String, _ tenancy: Tenancy) -> RefusalCode? {
            refusal(
                handshake(
                    "/?token=b", host: "gw.example",
                    [playwrightAgent, "Origin: \(origin)", "X-Forwarded-Proto: https"]), tenancy)?.code
        }
        #expect(code("https://gw.example", proxied) == nil)
        #expect(code("http://gw.example", proxied) == .forbidden)
        // The word of a stranger changes nothing.
        #expect(code("http://gw.example", keyed) == nil)
    }

    @Test(arguments: [
        ("https://App.Example", "https://app.example:443"), ("http://app.example:80", "HTTP://app.example"),
        ("http://app.example:8080", "http://app.example:8080"), ("null", "null"),
    ])
    func originsAreComparedInOneForm(_ listed: String, _ sent: String) {
        let text = playwright("/", ["Origin: \(sent)"])
        #expect(refusal(text, Tenancy(tenants: [], allowedOrigins: [listed])) == nil)
        #expect(refusal(text)?.code == .forbidden)
    }

    @Test func aKeyBelongsToTheFirstTenantThatListsIt() throws {
        let tenancy = Tenancy(tenants: [
            Tenant(name: "first", keyHashes: ["hash-one"], limits: limits()),
            Tenant(name: "second", keyHashes: ["hash-two", "hash-one"], limits: limits()),
        ])
        #expect(try admit(playwright("/?token=one"), tenancy).tenant == "first")
        #expect(try admit(playwright("/?token=two"), tenancy).tenant == "second")
    }

    @Test func refusesPagesThatAreNotListed() {
        let good = playwright("/?token=b", ["Origin: https://ok.example"])
        let bad = playwright("/?token=b", ["Origin: https://evil.example"])
        #expect(refusal(good, keyed) == nil)
        #expect(refusal(bad, keyed)?.code == .forbidden)
        #expect(refusal(bad)?.code == .forbidden)
        #expect(refusal(playwright("/", ["Origin: null"]))?.code == .forbidden)
        #expect(refusal(bad, Tenancy(tenants: [], allowedOrigins: ["*"])) == nil)
    }
}
