import Testing

/// What no linter knows about the code: which folder may use what.
@Suite struct BoundaryTests {
    /// Modules each folder may import. The cores see the standard library and each other downwards, nothing else.
    private static let allowed: [(folder: String, modules: Set<String>)] = [
        ("Sources/Queue/Core", []),
        ("Sources/HTTP", []),
        ("Sources/Metrics", []),
        ("Sources/Admin/Core", ["HTTPCore", "Metrics", "QueueCore"]),
        (
            "Sources/Admin/Server",
            ["AdminCore", "HTTPCore", "Metrics", "QueueCore", "Queue", "RedisClient", "EventLoop", "Glibc"]
        ),
        ("Sources/Gateway/Core", ["HTTPCore", "QueueCore"]),
        ("Sources/Worker/Core", ["QueueCore"]),
        ("Sources/EventLoop", ["CUV", "CCrypto", "CTLS", "CChild", "Glibc"]),
        ("Sources/RedisClient", ["CHiredis", "EventLoop", "Glibc"]),
        ("Sources/Queue/Redis", ["QueueCore", "RedisClient", "EventLoop", "Glibc"]),
        (
            "Sources/Gateway/Server",
            ["GatewayCore", "HTTPCore", "QueueCore", "Queue", "Metrics", "RedisClient", "EventLoop", "Glibc"]
        ),
        ("Sources/Worker/Agent", ["WorkerCore", "QueueCore", "Queue", "Metrics", "RedisClient", "EventLoop", "Glibc"]),
        ("Sources/berth/Configuration", ["CYAML", "QueueCore", "GatewayCore", "WorkerCore"]),
        ("Sources/berth/Doctor", []),
        ("Sources/berth/Run", ["HTTPCore"]),
        ("Sources/berth/Terminal", ["QueueCore"]),
        (
            "Sources/berth/Main",
            [
                "ArgumentParser", "Admin", "AdminCore", "Metrics", "Configuration", "Doctor", "SlotRun", "Terminal",
                "Gateway", "GatewayCore", "HTTPCore", "Worker",
                "WorkerCore", "Queue",
                "QueueCore", "RedisClient", "EventLoop", "Glibc",
            ]
        ),
        ("loadtest/Core", ["Configuration", "Histogram", "Glibc"]),
        (
            "loadtest/Sources",
            [
                "ArgumentParser", "LoadTestCore", "Configuration", "FoundationEssentials", "EventLoop", "RedisClient",
                "Queue", "QueueCore", "Glibc",
            ]
        ),
    ]

    @Test func everyImportIsAllowedInItsFolder() {
        for file in Repository.files(under: "Sources", endings: [".swift"])
            + Repository.files(under: "loadtest", endings: [".swift"])
        {
            guard let row = BoundaryTests.allowed.first(where: { file.hasPrefix($0.folder + "/") }) else {
                Issue.record("\(file): no rule says what this folder may import")
                continue
            }
            for line in Repository.codeLines(file) {
                let words = line.split(separator: " ")
                guard let at = words.firstIndex(of: "import"), at <= 1, at + 1 < words.count else { continue }
                let module = String(words[words.count - 1].split(separator: ".")[0])
                #expect(row.modules.contains(module), "\(file) imports \(module)")
            }
        }
    }

    /// Law: callbacks on one loop. async/await costs a connection 17 kB and 37 % more CPU (ADR 1).
    @Test(arguments: [
        #"\bawait\b"#, #"\basync\b"#, #"\bTask\s*[\{\(\.<]"#, #"\bDispatchQueue\b"#, #"\bpthread_"#, #"\bMutex\b"#,
        #"@unchecked Sendable"#, #"nonisolated\(unsafe\)"#,
    ])
    func nothingRunsBesideTheLoop(pattern: String) throws {
        let banned = try Regex(pattern)
        for file in Repository.files(under: "Sources", endings: [".swift"]) {
            for (number, line) in Repository.codeLines(file).enumerated() {
                #expect(line.firstMatch(of: banned) == nil, "\(file):\(number + 1): \(line)")
            }
        }
    }

    /// Cores are handed time, chance and files; they take none.
    @Test(arguments: [
        #"\bSystemRandomNumberGenerator\b"#, #"\.random\("#, #"ContinuousClock"#, #"SuspendingClock"#,
        #"\bprint\("#,
        #"\breadLine\("#,
    ])
    func coresArePure(pattern: String) throws {
        let banned = try Regex(pattern)
        for folder in [
            "Sources/Queue/Core", "Sources/Gateway/Core", "Sources/Worker/Core", "Sources/berth/Doctor",
            "Sources/berth/Run", "Sources/berth/Terminal", "loadtest/Core",
        ] {
            for file in Repository.files(under: folder, endings: [".swift"]) {
                for line in Repository.codeLines(file) {
                    #expect(line.firstMatch(of: banned) == nil, "\(file): \(line)")
                }
            }
        }
    }

    @Test func redisKeysAreSpelledInOneFile() {
        for file in Repository.files(under: "Sources", endings: [".swift"])
        where file != "Sources/Queue/Redis/Keys.swift" {
            for line in Repository.codeLines(file) {
                #expect(!line.contains("berth:{"), "\(file): \(line)")
            }
        }
    }
}
