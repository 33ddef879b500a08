// swift-tools-version: 6.1
import PackageDescription

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "berth",
    products: [
        .executable(name: "berth", targets: ["berth"]),
        .executable(name: "loadtest", targets: ["loadtest"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
    ],
    targets: [
        // C libraries and the event loop: mechanism without decisions.
        .systemLibrary(name: "CUV", path: "Sources/CUV"),
        .target(name: "EventLoop", dependencies: ["CUV"]),
        .target(name: "RedisClient", dependencies: ["EventLoop", "CUV"]),

        // Pure cores: state machines and formats without I/O and clock.
        .target(name: "QueueCore", path: "Sources/Queue/Core"),
        .target(name: "HTTPCore", path: "Sources/HTTP"),
        .target(name: "Metrics"),
        .target(name: "AdminCore", dependencies: ["HTTPCore", "Metrics", "QueueCore"], path: "Sources/Admin/Core"),
        .target(name: "GatewayCore", dependencies: ["HTTPCore", "QueueCore"], path: "Sources/Gateway/Core"),
        .target(name: "WorkerCore", dependencies: ["QueueCore"], path: "Sources/Worker/Core"),

        // Drivers: they perform the decisions of the cores.
        .target(
            name: "Queue", dependencies: ["QueueCore", "RedisClient", "EventLoop", "CUV"], path: "Sources/Queue/Redis",
            resources: [.embedInCode("Scripts")]),
        .target(
            name: "Gateway",
            dependencies: ["GatewayCore", "HTTPCore", "QueueCore", "Queue", "Metrics", "RedisClient", "EventLoop"],
            path: "Sources/Gateway/Server"),
        .target(
            name: "Worker", dependencies: ["WorkerCore", "QueueCore", "Queue", "Metrics", "RedisClient", "EventLoop"],
            path: "Sources/Worker/Agent"),
        .target(
            name: "Admin",
            dependencies: ["AdminCore", "HTTPCore", "Metrics", "QueueCore", "Queue", "RedisClient", "EventLoop"],
            path: "Sources/Admin", exclude: ["Core"], resources: [.embedInCode("Page/page.html")]),

        // The binaries.
        .target(
            name: "Configuration", dependencies: ["CUV", "QueueCore", "GatewayCore", "WorkerCore"],
            path: "Sources/berth/Configuration"),
        .target(name: "Doctor", path: "Sources/berth/Doctor"),
        .target(name: "SlotRun", dependencies: ["HTTPCore"], path: "Sources/berth/Run"),
        .target(name: "Terminal", dependencies: ["QueueCore"], path: "Sources/berth/Terminal"),
        .executableTarget(
            name: "berth",
            dependencies: [
                "Admin", "AdminCore", "Metrics", "Configuration", "Doctor", "SlotRun", "Terminal", "Gateway",
                "GatewayCore", "HTTPCore", "Worker", "WorkerCore",
                "Queue",
                "QueueCore",
                "RedisClient",
                "EventLoop", argumentParser,
            ],
            path: "Sources/berth/Main"),
        .target(
            name: "LoadTestCore",
            dependencies: ["Configuration", .product(name: "Histogram", package: "hdrhistogram-swift")],
            path: "loadtest/Core", resources: [.embedInCode("Scenarios")]),
        .executableTarget(
            name: "loadtest",
            dependencies: [
                "LoadTestCore", "Configuration", "EventLoop", "RedisClient", "Queue", "QueueCore", argumentParser,
            ],
            path: "loadtest/Sources", resources: [.embedInCode("Results/Plot")]),

        .target(
            name: "TestSupport", dependencies: ["EventLoop", "RedisClient", "CUV", "SimulatedRedis"],
            path: "Tests/TestSupport"),

        // The simulated Redis. It is optimised in debug builds too, because a simulation makes millions of calls.
        .systemLibrary(name: "CLua", path: "Tests/Simulation/CLua"),
        .target(
            name: "SimulatedRedis", dependencies: ["CLua", "EventLoop", "RedisClient"], path: "Tests/Simulation/Store",
            swiftSettings: [.unsafeFlags(["-O", "-enforce-exclusivity=unchecked"])]),

        // The simulator: the checkers, which use no state machine, the world that runs the state machines, and the
        // command.
        .target(
            name: "SimulationChecks", dependencies: ["QueueCore", "SimulatedRedis", "EventLoop"],
            path: "Tests/Simulation/Checkers", swiftSettings: [.unsafeFlags(["-O", "-enforce-exclusivity=unchecked"])]),
        .target(
            name: "SimulatedFleet",
            dependencies: [
                "SimulationChecks", "SimulatedRedis", "Gateway", "GatewayCore", "Worker", "WorkerCore", "Queue",
                "QueueCore", "RedisClient", "EventLoop",
            ],
            path: "Tests/Simulation/World", swiftSettings: [.unsafeFlags(["-O", "-enforce-exclusivity=unchecked"])]),
        .executableTarget(
            name: "sim", dependencies: ["SimulatedFleet", "EventLoop", argumentParser], path: "Tests/Simulation/Main"),

        // Readers of strangers' bytes, with rules that hold for all bytes. `make fuzz` builds them with libFuzzer.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "HTTPCore", "AdminCore", "GatewayCore", "QueueCore", "WorkerCore", "SlotRun", "Configuration",
                "RedisClient",
            ],
            path: "Tests/Fuzz/Targets"),
        .executableTarget(name: "fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Main"),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets"]),

        .testTarget(name: "EventLoopTests", dependencies: ["EventLoop", "CUV", "TestSupport"]),
        .testTarget(name: "RedisClientTests", dependencies: ["RedisClient", "EventLoop", "CUV", "TestSupport"]),
        .testTarget(name: "QueueCoreTests", dependencies: ["QueueCore"]),
        .testTarget(name: "HTTPCoreTests", dependencies: ["HTTPCore"]),
        .testTarget(name: "MetricsTests", dependencies: ["Metrics"]),
        .testTarget(name: "AdminCoreTests", dependencies: ["AdminCore", "HTTPCore", "QueueCore"]),
        .testTarget(name: "GatewayCoreTests", dependencies: ["GatewayCore", "HTTPCore", "QueueCore"]),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "Gateway", "GatewayCore", "HTTPCore", "QueueCore", "Queue", "RedisClient", "EventLoop", "TestSupport",
            ]),
        .testTarget(name: "WorkerCoreTests", dependencies: ["WorkerCore", "QueueCore"]),
        .testTarget(
            name: "WorkerTests",
            dependencies: ["Worker", "WorkerCore", "Queue", "QueueCore", "RedisClient", "EventLoop", "TestSupport"]),
        .testTarget(
            name: "ConfigurationTests", dependencies: ["Configuration", "QueueCore", "GatewayCore", "EventLoop"]),
        .testTarget(name: "DoctorTests", dependencies: ["Doctor"]),
        .testTarget(name: "SlotRunTests", dependencies: ["SlotRun"]),
        .testTarget(name: "TerminalTests", dependencies: ["Terminal", "QueueCore"]),
        .testTarget(name: "LoadTestCoreTests", dependencies: ["LoadTestCore", "Configuration"]),
        .testTarget(
            name: "QueueTests",
            dependencies: ["Queue", "QueueCore", "RedisClient", "EventLoop", "CUV", "TestSupport", "SimulatedRedis"]),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["SimulatedFleet", "SimulatedRedis", "RedisClient", "EventLoop", "TestSupport"]),
        .testTarget(name: "TidyTests"),
    ],
    swiftLanguageModes: [.v6]
)
