import Glibc
import TestSupport
import Testing

@testable import EventLoop

@Suite struct SystemTests {
    @Test func signalsReachTheLoop() throws {
        let loop = try Loop()
        var seen: [Int32] = []
        let signals = try Signals(loop: loop, [SIGUSR1, SIGUSR2]) { seen.append($0) }
        // To the process: a test's own thread may have all signals blocked.
        kill(getpid(), SIGUSR1)
        loop.expect({ seen == [SIGUSR1] }, "the first")
        kill(getpid(), SIGUSR2)
        loop.expect({ seen == [SIGUSR1, SIGUSR2] }, "the second")
        signals.close()
        signals.close()
        #expect(loop.close())
    }

    @Test func impossibleSignalIsAnError() throws {
        let loop = try Loop()
        #expect(throws: SystemError.self) { try Signals(loop: loop, [SIGUSR1, SIGKILL]) { _ in } }
        #expect(loop.close())
    }

    /// Children run in folders of their own, where a relative path would lead elsewhere.
    @Test func foldersInTheEnvironmentAreAbsolute() {
        let given = [
            "PATH": "bin:/usr/bin::./x", "VIRTUAL_ENV": ".venv", "PLAYWRIGHT_BROWSERS_PATH": "browsers", "OTHER": "bin",
        ]
        let absolute = ProcessEnvironment.absolute(given, in: "/srv/a")
        #expect(
            absolute == [
                "PATH": "/srv/a/bin:/usr/bin:/srv/a:/srv/a/./x", "VIRTUAL_ENV": "/srv/a/.venv",
                "PLAYWRIGHT_BROWSERS_PATH": "/srv/a/browsers", "OTHER": "bin",
            ])
        let kept = ["PATH": "/bin", "VIRTUAL_ENV": "", "PLAYWRIGHT_BROWSERS_PATH": "0"]
        #expect(ProcessEnvironment.absolute(kept, in: "/srv/a") == kept)
        #expect(ProcessEnvironment.absolute(["PATH": "bin"], in: "/")["PATH"] == "/bin")
    }

    @Test func openFilesLimitIsRaisedToItsMost() async {
        await #expect(processExitsWith: .success) {
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            var limit = rlimit()
            getrlimit(resource, &limit)
            limit.rlim_cur = 100
            setrlimit(resource, &limit)
            #expect(SystemLimits.openFilesLimit() == Int(clamping: limit.rlim_max))
            getrlimit(resource, &limit)
            #expect(limit.rlim_cur == limit.rlim_max)
        }
    }

    /// Twenty clients more than there are descriptors: none is left hanging, the loop does not spin, and afterwards the
    /// listener accepts as before.
    @Test func listenerSurvivesAProcessWithoutDescriptors() async {
        await #expect(processExitsWith: .success) {
            let loop = try Loop()
            var accepted: [EventLoop.Stream] = []
            let listener = try Listener(loop: loop, address: #require(SocketAddress("127.0.0.1:0"))) {
                accepted.append($0)
            }
            let clients = (0..<30).map { _ in
                socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            }
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            var limit = rlimit()
            getrlimit(resource, &limit)
            let before = limit
            limit.rlim_cur = rlim_t(clients.last! + 11)
            setrlimit(resource, &limit)

            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            address.sin_port = UInt16(listener.port).bigEndian
            for client in clients {
                withUnsafePointer(to: &address) {
                    _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
            }
            let start = clock()
            loop.turn(milliseconds: 300)
            #expect(clock() - start < CLOCKS_PER_SEC / 10, "the loop spins")
            var byte: UInt8 = 0
            let open = clients.filter { recv($0, &byte, 1, 0) < 0 && errno == EAGAIN }.count
            #expect(
                (1..<30).contains(accepted.count) && open == accepted.count, "\(accepted.count) accepted, \(open) open")

            for stream in accepted { stream.close() }
            accepted = []
            var limitBefore = before
            setrlimit(resource, &limitBefore)
            let target = try #require(SocketAddress(host: "127.0.0.1", port: listener.port))
            EventLoop.Stream.connect(loop: loop, to: target, timeoutMilliseconds: 1000) { try? $0.get().close() }
            loop.expect({ accepted.count == 1 }, "the next one is accepted")
            for stream in accepted { stream.close() }
            listener.close()
            #expect(loop.close())
        }
    }
}
