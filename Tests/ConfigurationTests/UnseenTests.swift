import Testing

@testable import Configuration

/// Invisible characters come with copies from web pages, Windows' files and Kubernetes' secrets.
@Suite struct UnseenTests {
    private static let around = [
        "\u{FEFF}", "\u{A0}", " ", "\t", "\r", "\n", "\r\n", "\u{200B}", "\u{2028}", "\u{3000}",
    ]

    @Test(arguments: around) func aroundAValueTheyAreDropped(unseen: String) throws {
        func around(_ text: String) -> String { unseen + text + unseen }
        let environment = [
            "BERTH_FLEET": around("ci"), "LOG_LEVEL": around("debug"), "NODE_SECRET": around("0123456789abcdef"),
        ]
        let read = try settings(.gateway, environment: environment, flags: ["node.id": [around("n1")]])
        #expect(read.text("fleet") == "ci" && read.text("log.level") == "debug" && read.text("node.id") == "n1")
        #expect(read.text("node.secret") == "0123456789abcdef")
        let byFile = try settings(
            .gateway, environment: ["NODE_SECRET_FILE": around("/s")],
            secretFiles: ["/s": around("0123456789abcdef")])
        #expect(byFile.text("node.secret") == "0123456789abcdef")
        #expect(try settings(.gateway, environment: ["BERTH_FLEET": unseen]).text("fleet") == "default")
        let digest = String(repeating: "ab", count: 32)
        let flagged = try settings(.gateway, tenantFlags: [around("a:cap=\(around("3")),key=\(around(digest))")])
        #expect(flagged.tenants[0].limits.cap == 3 && flagged.tenants[0].keyHashes == [digest])
        let listed = try settings(.worker, environment: ["POOL_CONFIG": "A=1,\(around("B=2"))"])
        #expect(listed.texts("worker.pools") == ["A=1", "B=2"])
    }

    @Test func aFileOfWindowsIsRead() throws {
        let digest = String(repeating: "ab", count: 32)
        let file = "\u{FEFF}fleet: ci\u{A0}\r\ntenants:\r\n  a: {cap: '3\u{A0}', keys: [\u{A0}\(digest)]}\r\n"
        let read = try settings(.gateway, file: file)
        #expect(read.text("fleet") == "ci" && read.tenants[0].limits.cap == 3 && read.tenants[0].keyHashes == [digest])
        let wide = Array("fleet: ci\n".utf16).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        #expect(words { try YAMLReader.read([0xFF, 0xFE] + wide, file: "berth.yaml") }.contains("is UTF-16"))
    }

    @Test(arguments: [
        ("\u{A0}", "U+00A0 (no-break space)"), ("\u{FEFF}", "U+FEFF (byte order mark)"), ("\0", "U+0000 (null)"),
        ("\u{200B}", "U+200B (zero width space)"), ("\r", "U+000D (carriage return)"),
        ("\u{7}", "U+0007 (control character)"),
    ])
    func withinAValueTheyAreNamed(unseen: String, name: String) {
        let secret = "01234567\(unseen)89abcdef"
        let said = words {
            try settings(.gateway, environment: ["NODE_SECRET": secret, "REDIS_URL": "redis://h\(unseen)x"])
        }
        #expect(said.contains("NODE_SECRET: holds an invisible character, \(name)"), "\(said)")
        #expect(said.contains("REDIS_URL: holds an invisible character, \(name)") && !said.contains("01234567"))
        let byFile = words {
            try settings(.gateway, environment: ["NODE_SECRET_FILE": "/s"], secretFiles: ["/s": secret])
        }
        #expect(byFile.contains("NODE_SECRET_FILE: holds an invisible character, \(name)"))
        #expect(words { try settings(.gateway, tenantFlags: ["a\(unseen)b"]) }.contains("--tenant: holds an invisible"))
        #expect(
            words { try settings(.gateway, tenantFlags: ["a:cap=1\(unseen)2"]) }.contains(
                "--tenant a: holds an invisible"))
    }

    @Test func inAFileTheirLineIsNamed() {
        #expect(
            words { try settings(.gateway, file: "fleet: a\u{A0}b\n") }.contains("berth.yaml:1: a value holds an inv"))
        #expect(
            words { try settings(.gateway, file: "a: 1\nfleet\u{200B}: b\n") }.contains(
                "berth.yaml:2: a key holds an inv"))
    }

    @Test func bytesThatAreNotUTF8AreRefused() {
        var input = SettingsInput(command: .gateway)
        input.environment = ["NODE_SECRET_FILE": "/s"]
        input.readFile = { _ in Array("0123456789abcde".utf8) + [0xFF, 0x30] }
        #expect(words { try Settings(input) }.contains("not UTF-8"))
    }

    @Test func anEmptySecretFileIsRefused() {
        let said = words {
            try settings(.gateway, environment: ["NODE_SECRET_FILE": "/s"], secretFiles: ["/s": "\u{FEFF}\r\n"])
        }
        #expect(said.contains("NODE_SECRET_FILE: the file it names is empty: /s"))
    }

    @Test func aCommandMayHaveLines() throws {
        let file = "worker:\n  kind: command\n  pools: {a: 1}\n  command: |\n    serve\n      --port 1\n"
        #expect(try WorkerRole(settings(.worker, file: file)).pools[0].command == ["serve", "--port", "1"])
    }
}
