import EventLoop
import Foundation
import Testing

@testable import Configuration

/// Values that are compared letter by letter are brought into the form that the other side has, or refused.
@Suite struct ComparedFormsTests {
    @Test(arguments: [
        ("https://app.example", "https://app.example"), ("https://app.example/", "https://app.example"),
        ("HTTPS://App.Example:8443", "https://app.example:8443"), ("https://app.example:443", "https://app.example"),
        ("http://app.example:80/", "http://app.example"), ("http://app.example:443", "http://app.example:443"),
        ("http://[::1]:3000", "http://[::1]:3000"), ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ("*", "*"), ("null", "null"),
    ])
    func anOriginIsWhatBrowsersSend(text: String, canonical: String) throws {
        let role = try GatewayRole(settings(.gateway, flags: ["gateway.origins": [text]]))
        #expect(role.tenancy.allowedOrigins == [canonical])
    }

    @Test(arguments: [
        ("app.example", "write https://app.example"), ("https://app.example/login", "write https://app.example"),
        ("https://*.example", "is a pattern"), ("https://user@app.example", "is not scheme://host"),
        ("https://", "is not scheme://host"), ("https://app.example:99999", "is not scheme://host"),
        ("https://bücher.example", "xn--"), ("://app.example", "is not scheme://host"),
        ("https://a b", "is not scheme"),
    ])
    func anOriginThatNoBrowserSendsIsRefused(text: String, expected: String) {
        let said = words { try settings(.gateway, environment: ["BERTH_ORIGINS": text]) }
        #expect(said.contains("BERTH_ORIGINS: '\(text)'") && said.contains(expected), "\(said)")
    }

    @Test func wordsOfAListAreReadInAnyCase() throws {
        let environment = ["DEFAULT_BROWSER_TYPE": "Firefox", "LOG_LEVEL": "INFO", "BERTH_INSECURE_OPEN": "True"]
        let read = try settings(.gateway, environment: environment)
        #expect(try GatewayRole(read).defaultBrowser == "firefox")
        #expect(read.text("log.level") == "info" && read.isTrue("gateway.insecureOpen"))
        let said = words { try settings(.gateway, environment: ["DEFAULT_BROWSER_TYPE": "chrome"]) }
        #expect(said.contains("DEFAULT_BROWSER_TYPE: unknown value 'chrome'") && said.contains("chromium"))
    }

    @Test func aBrowserThatScalesFromZeroIsOneThereIs() throws {
        let role = try GatewayRole(settings(.gateway, file: "scaleFromZero: ['AppA|Firefox']\n"))
        #expect(role.tenancy.scaleFromZero == ["AppA|firefox"])
        let said = words { try GatewayRole(settings(.gateway, file: "scaleFromZero: ['AppA|chrome']\n")) }
        #expect(said.contains("unknown browser 'chrome'"))
    }

    @Test func oneKeyGivenTwiceIsRefused() {
        let key = String(repeating: "ab", count: 32)
        let twice = words { try settings(.gateway, file: "tenants: {a: {keys: [\(key), '\(key.uppercased())']}}\n") }
        #expect(twice.contains("tenant 'a' has the key abababab… twice: keep it once"), "\(twice)")
        let shared = words { try settings(.gateway, tenantFlags: ["a:key=\(key)", "b:key=sha256:\(key)"]) }
        #expect(shared.contains("tenants 'a' and 'b' have the same key, abababab…: give each its own"), "\(shared)")
        #expect(
            words { try settings(.gateway, tenantFlags: ["a:cap=1", "a:cap=2"]) }.contains("--tenant a: is given twice")
        )
        #expect(words { try settings(.gateway, tenantFlags: ["a:cap=1,cap=2"]) }.contains("'cap' is given twice"))
    }

    /// A shell makes the digest of nothing from a variable that is not set.
    @Test(arguments: ["", "\n", "\r\n", " "]) func theDigestOfNothingIsNoKey(key: String) {
        let digest = Crypto.sha256Hex(Array(key.utf8))
        for text in [digest, digest.uppercased(), "sha256:\(digest)"] {
            let byFile = words { try settings(.gateway, file: "tenants:\n  a:\n    keys:\n      - \(text)\n") }
            #expect(byFile.contains("berth.yaml:4: this is the SHA-256 of"), "\(byFile)")
            #expect(words { try settings(.gateway, tenantFlags: ["a:key=\(text)"]) }.contains("is no key"))
        }
    }

    @Test func anEmptyNodeSecretIsRefused() {
        for text in [",", "0123456789abcdef,", ", 0123456789abcdef"] {
            let said = words { try NodeRole(settings(.worker, environment: ["NODE_SECRET": text]), hostName: "h") }
            #expect(said.contains("NODE_SECRET: holds an empty secret"), "\(said)")
        }
    }

    /// The sample of the documentation cannot be used as it is.
    @Test func theSampleOfTheDocumentationIsRefusedInWords() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("docs/operate/configuration.md").path
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let begin = try #require(text.range(of: "```yaml\n"))
        let sample = text[begin.upperBound...].prefix { $0 != "`" }
        let said = words { try settings(.gateway, file: String(sample)) }
        let lines = said.split(separator: "\n")
        #expect(lines.count == 2 && lines.allSatisfy { $0.contains("sha256sum") }, "\(said)")
    }
}

/// Addresses: of the machine itself to listen on, and of others' view to be dialled at.
@Suite struct AddressSettingsTests {
    @Test(arguments: [
        ("w1", "w1", nil), ("w1.example.:7", "w1.example.", 7), ("10.0.0.1", "10.0.0.1", nil), ("[::1]:7", "::1", 7),
        ("[2001:db8::5]", "2001:db8::5", nil), ("W_1:80", "w_1", 80),
    ])
    func anAdvertisedHostIsRead(text: String, host: String, port: Int?) throws {
        let role = try WorkerRole(settings(.worker, flags: ["worker.advertise": [text], "worker.pools": ["a=1"]]))
        #expect(role.advertise?.host.lowercased() == host && role.advertise?.port == port)
    }

    @Test(arguments: [
        ("http://h:1", "write the host alone, or host:port: h:1"), ("::1", "[::1]"), ("h:", "is not a host"),
        ("h:0", "has port 0"), ("0.0.0.0", "can only be listened on"), ("[::]:1", "can only be listened on"),
        ("10.0.0.256", "is not a host"), ("h/x", "is not a host"), ("a b", "is not a host"), ("[h]:1", "is not a host"),
        ("h:99999", "is not a host"), ("-h", "is not a host"), ("user@h", "is not a host"),
        ("[10.0.0.1]", "is not a host"),
    ])
    func anAdvertisedHostThatNobodyCanDialIsRefused(text: String, expected: String) {
        let said = words { try settings(.worker, environment: ["PRIVATE_HOSTNAME": text]) }
        #expect(said.contains("PRIVATE_HOSTNAME: '\(text)'") && said.contains(expected), "\(said)")
    }

    @Test func listeningTakesNumbersOfThisMachine() throws {
        for text in ["LOCALHOST:80", ":0", "[::]:80", "[fe80::1%eth0]:80", "127.0.0.2:0", "[::ffff:1.2.3.4]:1"] {
            #expect(ListenAddress.objection(to: text) == nil, "\(text)")
        }
        for text in ["example.org:80", "*:80", "10.0.0.256:80", "[1::2::3]:80", "[127.0.0.1]:80", "[fe80::1%]:80"] {
            #expect(
                words { try settings(.gateway, flags: ["gateway.listen": [text]]) }.contains("--listen: '"), "\(text)")
        }
    }

    @Test func aKubernetesServicesPortIsUnderstood() throws {
        let kubernetes = ["REDIS_HOST": "redis", "REDIS_PORT": "tcp://10.0.0.1:6380", "PORT": "tcp://10.0.0.2:99"]
        let read = try settings(.gateway, environment: kubernetes)
        #expect(read.text("redis.url") == "redis://redis:6380")
        #expect(try GatewayRole(read).listen.port == 99)
        #expect(try settings(.gateway, environment: ["REDIS_HOST": "::1"]).text("redis.url") == "redis://[::1]:6379")
        for (name, text) in [
            ("REDIS_PORT", "abc"), ("REDIS_PORT", "tcp://x"), ("PORT", "70000"), ("REDIS_HOST", "h:1"),
        ] {
            let said = words { try settings(.gateway, environment: ["REDIS_HOST": "h"].merging([name: text]) { $1 }) }
            #expect(said.contains("\(name): '\(text)' is not a"), "\(said)")
        }
        // What Kubernetes sets for a Service is no setting by itself.
        #expect(
            try settings(.gateway, environment: ["REDIS_PORT": "tcp://h:1"]).text("redis.url")
                == "redis://127.0.0.1:6379")
    }

    @Test func pathsAreAbsoluteOnceRead() throws {
        var input = SettingsInput(command: .worker)
        input.folder = "/srv/here"
        input.flags = [
            "worker.pools": ["a=1"], "worker.kind": ["command"], "worker.command": ["./serve ./x"],
            "worker.executable": ["bin/chromium"], "worker.playwrightDriver": ["driver"],
        ]
        let role = try WorkerRole(Settings(input))
        #expect(role.pools[0].command == ["/srv/here/./serve", "./x"])
        #expect(role.pools[0].executable == "/srv/here/bin/chromium" && role.playwrightDriver == "/srv/here/driver")
        input.flags["worker.command"] = ["serve"]
        input.flags["worker.executable"] = ["/usr/bin/chromium"]
        let named = try WorkerRole(Settings(input))
        #expect(named.pools[0].command == ["serve"] && named.pools[0].executable == "/usr/bin/chromium")
    }
}
