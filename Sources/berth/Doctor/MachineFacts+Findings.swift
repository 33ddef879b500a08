extension DoorFacts {
    var findings: [Finding] {
        switch self {
        case .notAsked:
            [Finding(.door, .skipped, "not tried: name a gateway's address as clients use it by --gateway <host:port>")]
        case .answered(let address, 204):
            [Finding(.door, .ok, "a gateway answers at \(address)")]
        case .answered(let address, 503):
            [
                Finding(
                    .door, .wrong, "the gateway at \(address) drains: it takes no new clients",
                    change: "send clients to another gateway, or start this one anew")
            ]
        case .answered(let address, 400):
            [
                Finding(
                    .door, .wrong, "\(address) answers 400, as a gateway does that speaks TLS and is asked without",
                    change: "--gateway wss://<host:port>, with --gateway-ca <file> for an authority of your own")
            ]
        case .answered(let address, let status):
            [
                Finding(
                    .door, .wrong, "\(address) answers \(status), which is no answer of a gateway",
                    change: "--gateway: the address of a gateway; or the route of the load balancer to port 8080 of it")
            ]
        case .unreachable(let address, let words):
            [
                Finding(
                    .door, .wrong, "\(address) is not reached: \(words)",
                    change: "on the gateway: --listen 0.0.0.0:8080, with keys for tenants; and open the port")
            ]
        }
    }
}

extension MachineFacts {
    /// A gateway or a worker with fewer open files refuses clients early.
    public static let openFilesMin = 4_096
    /// Docker gives a container 64 MiB, too few for pages with large images.
    public static let sharedMemoryBytesMin = 134_217_728

    var findings: [Finding] { [files] + (worker?.findings ?? []) }

    private var files: Finding {
        if openFiles >= Self.openFilesMin { return Finding(.openFiles, .ok, "a process may open \(openFiles) files") }
        return Finding(
            .openFiles, .wrong, "a process may open \(openFiles) files only: a gateway needs two for each session",
            change: "LimitNOFILE=65536 (systemd), --ulimit nofile=65536:65536 (docker), or ulimit -n 65536")
    }
}

extension MachineFacts.Worker {
    var findings: [Finding] {
        [found] + (hasBrowser ? [sharedMemory, fontsFound] : [])
    }

    private var found: Finding {
        switch programs {
        case .found(let pools): Finding(.programs, .ok, "the pools can be served: \(pools.joined(separator: ", "))")
        case .missing(let words):
            Finding(.programs, .wrong, words, change: "the setting or the program that the message names")
        }
    }

    private var sharedMemory: Finding {
        guard let bytes = sharedMemoryBytes else {
            return Finding(
                .sharedMemory, .wrong, "there is no /dev/shm: browsers need it",
                change: "mount -t tmpfs -o size=1g tmpfs /dev/shm")
        }
        let size = "/dev/shm has \(bytes / 1_048_576) MiB"
        if bytes >= MachineFacts.sharedMemoryBytesMin { return Finding(.sharedMemory, .ok, size) }
        return Finding(
            .sharedMemory, .wrong, "\(size): pages crash when it is full",
            change: "--shm-size=1g (docker), or mount -o remount,size=1g /dev/shm")
    }

    private var fontsFound: Finding {
        guard fonts == 0 else { return Finding(.fonts, .ok, "\(fonts) fonts are installed") }
        return Finding(
            .fonts, .wrong, "no font is installed: pages show no text",
            change: "apt-get install fonts-liberation fonts-noto-color-emoji")
    }
}
