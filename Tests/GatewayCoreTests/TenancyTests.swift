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
        ("/", "X: y"), ("/", "Authorization: Bearer three"), ("/", "Authorization: Bearer"),
        ("/", "Authorization: Digest one"), ("/", "Authorization: Basic !"), ("/", "Authorization: Basic Ong="),
        ("/?token=", "X: y"), ("/?token=hash-one", "X: y"), ("/", "x-berth-tenant: acme"),
        ("/?token=one", "Authorization: Bearer wrong"),
    ])
    func refusesWithoutAKnownKey(_ target: String, _ line: String) {
        #expect(refusal(playwright(target, [line]), keyed)?.code == .unauthorized)
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
