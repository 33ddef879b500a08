import QueueCore
import WorkerCore

extension Setting {
    /// All settings. `docs/reference/settings.md` has the same table; a test compares them.
    public static let all: [Setting] = common + gateway + worker + dev + client

    /// The setting of that name; `nil` if there is none.
    public static func named(_ name: String) -> Setting? { byName[name] }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    private static let common = [
        Setting(
            "redis.url", flag: "--redis", environment: "REDIS_URL", kind: .secret,
            default: "redis://127.0.0.1:6379", commands: Setting.Command.ofOperators.union([.gateway, .worker]),
            doc:
                "Where Redis is: redis://[user:password@]host[:port][/db], rediss:// for the same by TLS, unix:///path, or "
                + "redis+sentinel://host[:port],…/name[/db]. Its maxmemory-policy must be noeviction."),
        Setting(
            "redis.ca", flag: "--redis-ca", environment: "BERTH_REDIS_CA", kind: .text, default: nil,
            shown: "the authorities that the system trusts",
            commands: Setting.Command.ofOperators.union([.gateway, .worker]),
            doc: "With rediss://: a PEM file of the authorities that vouch for Redis' certificate."),
        Setting(
            "fleet", flag: "--fleet", environment: "BERTH_FLEET", kind: .name, default: "default",
            commands: Setting.Command.ofOperators.union([.gateway, .worker]),
            doc: "The Redis namespace: all gateways and workers of one fleet share one queue."),
        Setting(
            "policy", environment: "BERTH_POLICY", kind: .choice(Policy.allCases.map(\.rawValue)), default: "fifo",
            commands: [.gateway, .dev],
            doc:
                "Who goes first when a slot is free: fifo by arrival; fair whoever holds fewer slots for its weight, where a "
                + "slot more counts as a minute of waiting."),
        Setting(
            "scaleFromZero", environment: "BERTH_SCALE_FROM_ZERO", kind: .list, commands: [.gateway, .dev],
            doc:
                "Labels, or label|browser, of pools that may have no worker yet: who asks for one waits instead of being "
                + "refused. At most 256."),
        Setting(
            "maxQueue", environment: "BERTH_MAX_QUEUE", kind: .count(0...QueueLimits.waitersMax), default: "1000000",
            commands: [.gateway, .dev],
            doc: "Most clients waiting at once in the whole fleet; beyond it a client that would wait is refused."),
        Setting(
            "node.id", flag: "--node-id", environment: "NODE_ID", kind: .name, default: nil, shown: "the host's name",
            commands: [.gateway, .worker],
            doc: "What this process is called in logs and records. Two living processes should not share one."),
        Setting(
            "node.region", flag: "--region", environment: "NODE_REGION", kind: .name, commands: [.worker, .dev],
            doc: "Appended to each pool's label as its last segment: AppA:Chromium becomes AppA:Chromium:eu."),
        Setting(
            "node.secret", fileFlag: "--node-secret-file", environment: "NODE_SECRET", kind: .secret,
            commands: [.gateway, .worker, .doctor],
            doc:
                "What gateways and workers prove themselves to each other with, 16 characters or more. Two, separated by a "
                + "comma, while one replaces the other: the first signs, both are accepted."),
        Setting(
            "log.level", flag: "--log-level", environment: "LOG_LEVEL",
            kind: .choice(["debug", "info", "warning", "error"]),
            default: "info", commands: [.gateway, .worker, .dev],
            doc: "The least level of [the log's lines](log.md), on standard output."),
        Setting(
            "log.format", flag: "--log-format", environment: "LOG_FORMAT", kind: .choice(["json", "text"]),
            default: "json", commands: [.gateway, .worker, .dev],
            doc: "One JSON object a line, or text for people."),
        Setting(
            "admin.token", fileFlag: "--admin-token-file", environment: "BERTH_ADMIN_TOKEN", kind: .secret,
            commands: [.gateway, .worker, .dev],
            doc:
                "The token of the [admin listener](admin.md), 16 characters or more. Without one it listens on loopback "
                + "only."),
    ]

    private static let gateway = [
        Setting(
            "gateway.listen", flag: "--listen", environment: "BERTH_GATEWAY_LISTEN", kind: .address, default: ":8080",
            shown: "0.0.0.0:8080 with tenants' keys, 127.0.0.1:8080 without", commands: [.gateway],
            doc: "Where clients connect. Port 0 takes any free one; the log's listening line says which."),
        Setting(
            "gateway.reusePort", flag: "--reuse-port", environment: "BERTH_REUSE_PORT", kind: .yesNo, default: "false",
            commands: [.gateway],
            doc:
                "Let several gateways of one machine and user listen on the same port: "
                + "[more than one core](../operate/running.md#more-than-one-core)."),
        Setting(
            "gateway.adminListen", flag: "--admin-listen", environment: "BERTH_ADMIN_LISTEN", kind: .address,
            default: "127.0.0.1:9090", commands: [.gateway],
            doc: "Where the [admin listener](admin.md) is. Beyond loopback only with a token."),
        Setting(
            "gateway.drainTimeout", flag: "--drain-timeout", environment: "BERTH_DRAIN_TIMEOUT", kind: .duration,
            default: "30s", commands: [.gateway],
            doc:
                "How long clients and sessions are still served after SIGTERM, before they are told and the process ends."
        ),
        Setting(
            "gateway.noWorkerWait", flag: "--no-worker-wait", environment: "BERTH_NO_WORKER_WAIT", kind: .duration,
            default: nil, shown: "the client's whole wait", commands: [.gateway, .dev],
            doc:
                "How long a client waits while no worker that fits is running, at least 1s. Then it is refused "
                + "(wait_timeout, no_worker); if such a worker is there, the client waits on, and is looked at again after the same time."
        ),
        Setting(
            "gateway.origins", flag: "--origin", environment: "BERTH_ORIGINS", kind: .origins,
            commands: [.gateway, .dev],
            doc:
                "Web origins (https://app.example) whose pages may connect; * for all. Any other Origin is refused, but for "
                + "the gateway's own: [which it is](#origin)."
        ),
        Setting(
            "gateway.trustedProxies", flag: "--trusted-proxy", environment: "BERTH_TRUSTED_PROXIES",
            kind: .addressRanges, commands: [.gateway],
            doc:
                "Addresses of the proxies in front, like 10.0.0.0/8 or 2001:db8::7. Only their X-Forwarded-For and "
                + "X-Forwarded-Proto count: [what they change](#proxies)."
        ),
        Setting(
            "gateway.insecureOpen", flag: "--insecure-open", environment: "BERTH_INSECURE_OPEN", kind: .yesNo,
            default: "false", commands: [.gateway],
            doc: "Listen beyond loopback without any tenant's key: whoever reaches the port gets a browser."),
        Setting(
            "gateway.defaultBrowser", flag: "--default-browser", environment: "DEFAULT_BROWSER_TYPE",
            kind: .choice(Pool.playwrightBrowsers), default: "chromium", commands: [.gateway, .dev],
            doc: "The browser of a Playwright client that names none."),
        Setting(
            "tls.certificate", flag: "--tls-certificate", environment: "BERTH_TLS_CERTIFICATE", kind: .text,
            default: nil, shown: "none: the gateway speaks plain HTTP", commands: [.gateway],
            doc:
                "A PEM file with the gateway's certificate and then those of its issuers: clients connect by wss://. "
                + "[TLS](../operate/running.md#tls)."),
        Setting(
            "tls.key", flag: "--tls-key", environment: "BERTH_TLS_KEY", kind: .text, commands: [.gateway],
            doc: "A PEM file with the private key of the certificate, without a passphrase."),
    ]

    private static let worker = [
        Setting(
            "worker.listen", flag: "--listen", environment: "BERTH_WORKER_LISTEN", kind: .address, default: ":3131",
            shown: "0.0.0.0:3131 with a node secret, 127.0.0.1:3131 without", commands: [.worker],
            doc: "Where gateways connect. Beyond loopback only with a node secret."),
        Setting(
            "worker.adminListen", flag: "--admin-listen", environment: "BERTH_ADMIN_LISTEN", kind: .address,
            default: "127.0.0.1:9091", commands: [.worker],
            doc: "Where the [admin listener](admin.md) is. Beyond loopback only with a token."),
        Setting(
            "worker.advertise", flag: "--advertise", environment: "PRIVATE_HOSTNAME", kind: .host, default: nil,
            shown: "the address listened on; where that is all of them, the local one of its Redis connection",
            commands: [.worker],
            doc: "host or host:port that gateways dial; without a port, the one it listens on."),
        Setting(
            "worker.pools", flag: "--pool", environment: "POOL_CONFIG", kind: .pools, default: nil,
            shown: "none; a worker needs one",
            commands: [.worker, .dev],
            doc:
                "Its slots: AppA:Chromium:Staging=3. Repeatable. A browser named in the second segment is the pool's browser. "
                + "What differs from pool to pool stands in [the file's table](#pools)."
        ),
        Setting(
            "worker.concurrentSessions", environment: "MAX_CONCURRENT_SESSIONS",
            kind: .count(1...QueueLimits.slotsPerWorkerMax), commands: [.worker],
            doc: "Without pools: so many sessions at once on one shared sidecar, in the pool `default`."),
        Setting(
            "worker.mode", flag: "--mode", environment: "BERTH_MODE", kind: .choice(["dedicated", "shared"]),
            default: "dedicated", commands: [.worker, .dev],
            doc:
                "dedicated: each session has a sidecar of its own, replaced after it. shared: a sidecar serves several "
                + "sessions at once, and is replaced after `maxSessions` without ending one."),
        Setting(
            "worker.sessions", flag: "--sessions", environment: "BERTH_SESSIONS",
            kind: .count(1...PoolRole.sessionsLimit), default: "\(Seating.seatsDefault)", commands: [.worker, .dev],
            doc: "Sessions of a shared sidecar at once. A pool has as many sidecars as its slots need."),
        Setting(
            "worker.maxSessions", flag: "--max-sessions", environment: "MAX_LIFETIME_SESSIONS",
            kind: .count(1...PoolRole.maxSessionsLimit), default: "\(Seating.sessionsMaxDefault)",
            commands: [.worker, .dev],
            doc: "Sessions of a shared sidecar in its life, up to a tenth fewer so that sidecars are not replaced "
                + "together. Its successor starts before it ends."),
        Setting(
            "worker.warm", flag: "--warm", environment: "BERTH_WARM", kind: .count(0...PoolRole.warmMax), default: nil,
            shown: "1 for each pool of dedicated slots, else 0", commands: [.worker, .dev],
            doc:
                "Spare sidecars of each pool, started beyond its slots, so that the next client need not wait for a start."
        ),
        Setting(
            "worker.browser", flag: "--browser", environment: "BROWSER_TYPE",
            kind: .choice(Pool.playwrightBrowsers), default: "chromium", commands: [.worker, .dev],
            doc: "The browser of playwright pools whose label names none."),
        Setting(
            "worker.kind", flag: "--kind", environment: "BERTH_KIND",
            kind: .choice(PoolRole.Kind.allCases.map(\.rawValue)),
            default: "playwright", commands: [.worker, .dev],
            doc: "What serves a slot's sessions, and so the protocol of its clients: [the kinds](kinds.md)."),
        Setting(
            "worker.command", flag: "--command", environment: "BERTH_COMMAND", kind: .words, commands: [.worker, .dev],
            doc:
                "The program of command sidecars, with its arguments; quotes and backslashes as in a shell, nothing else."
        ),
        Setting(
            "worker.playwrightDriver", flag: "--playwright-driver", environment: "BERTH_PLAYWRIGHT_DRIVER", kind: .text,
            default: nil, shown: "looked for: .venv, node_modules, then python3's and node's own packages",
            commands: [.worker, .dev],
            doc:
                "The folder that holds Playwright's node and package: <venv>/lib/python3.x/site-packages/playwright/driver, "
                + "or node_modules/playwright."
        ),
        Setting(
            "worker.headless", environment: "HEADLESS", kind: .yesNo, default: "true", commands: [.worker, .dev],
            doc: "Whether Playwright's browsers run without a window. With false the machine needs a display."),
        Setting(
            "worker.chromiumArgs", environment: "CHROMIUM_ARGS", kind: .words, commands: [.worker, .dev],
            doc: "More arguments for chromium, for pools without `args`."),
        Setting(
            "worker.firefoxArgs", environment: "FIREFOX_ARGS", kind: .words, commands: [.worker, .dev],
            doc: "More arguments for firefox, for pools without `args`."),
        Setting(
            "worker.webkitArgs", environment: "WEBKIT_ARGS", kind: .words, commands: [.worker, .dev],
            doc: "More arguments for webkit, for pools without `args`."),
        Setting(
            "worker.drainTimeout", flag: "--drain-timeout", environment: "BERTH_DRAIN_TIMEOUT", kind: .duration,
            default: "30s", commands: [.worker],
            doc: "How long sessions are still served after SIGTERM, before they are ended and the process too."),
        Setting(
            "worker.maxAge", flag: "--max-age", environment: "BERTH_MAX_AGE", kind: .duration, commands: [.worker],
            doc:
                "The age at which the worker drains as at SIGTERM and exits with 0, for its supervisor to start a new one. "
                + "Each worker draws up to a tenth less, so that a fleet does not drain together. At least 1ms."),
        Setting(
            "worker.firstByte", flag: "--first-byte", environment: "BERTH_FIRST_BYTE", kind: .duration, default: "10s",
            commands: [.worker],
            doc:
                "How long a sidecar may stay silent once a client's request reached it. Then the client is refused "
                + "(worker_failed) and the sidecar is replaced as a failed one. At least 1ms."),
        Setting(
            "worker.memoryReserve", environment: "BERTH_MEMORY_RESERVE", kind: .bytes, default: "512M",
            commands: [.worker],
            doc:
                "While the machine, or the container, has less memory available, no spare starts and idle spares end. 0 for "
                + "no reserve."),
        Setting(
            "worker.caps", flag: "--caps", environment: "BERTH_CAPS",
            kind: .choice(CapsMode.allCases.map(\.rawValue)), default: "lenient", commands: [.worker],
            doc:
                "strict ends all sessions 10 s after Redis was last heard, so that no tenant ever holds more than its cap; lenient lets them go on."
        ),
        Setting(
            "worker.executable", flag: "--executable", environment: "BERTH_EXECUTABLE", kind: .text, default: nil,
            shown: "the system's chromium or firefox-esr, else Playwright's own build", commands: [.worker, .dev],
            doc: "The browser's program."),
        Setting(
            "worker.protocolLogFolder", environment: "BERTH_PROTOCOL_LOG_FOLDER", kind: .text, default: nil,
            shown: "protocol-logs in TMPDIR, or in /tmp", commands: [.worker, .dev],
            doc:
                "Where the sessions of pools with `protocolLog` are logged. Its parent folder must be there. "
                + "[What is in a log](protocol-log.md)."),
    ]

    /// Settings of the commands that are clients of a gateway.
    private static let client = [
        Setting(
            "client.gateway", flag: "--gateway", environment: "BERTH_GATEWAY", kind: .text,
            default: "http://127.0.0.1:8080", commands: [.run],
            doc: "The gateway's address as clients use it: http://host:port, or https:// for TLS."),
        Setting(
            "client.token", fileFlag: "--token-file", environment: "BERTH_TOKEN", kind: .secret, commands: [.run],
            doc: "The key of the tenant."),
        Setting(
            "client.ca", flag: "--gateway-ca", environment: "BERTH_GATEWAY_CA", kind: .text, default: nil,
            shown: "the authorities that the system trusts", commands: [.run],
            doc: "With https://: a PEM file of the authorities that vouch for the gateway's certificate."),
    ]

    private static let dev = [
        Setting(
            "dev.listen", flag: "--listen", environment: "BERTH_DEV_LISTEN", kind: .address, default: "127.0.0.1:8080",
            commands: [.dev], doc: "Where berth dev's gateway listens."),
        Setting(
            "dev.adminListen", flag: "--admin-listen", environment: "BERTH_ADMIN_LISTEN", kind: .address,
            default: "127.0.0.1:9090", commands: [.dev],
            doc: "Where berth dev's [live page](../operate/page.md) is."),
        Setting(
            "dev.slots", flag: "--slots", environment: "BERTH_DEV_SLOTS", kind: .count(1...64), default: "2",
            commands: [.dev], doc: "How many slots berth dev serves."),
    ]
}
