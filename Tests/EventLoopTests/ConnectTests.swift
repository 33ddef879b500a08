@testable import EventLoop
import Glibc
import TestSupport
import Testing

@Suite struct ConnectTests {
    private func failure(_ loop: Loop, _ address: SocketAddress, timeout: UInt64 = 2000) -> SystemError? {
        var result: Result<EventLoop.Stream, SystemError>?
        EventLoop.Stream.connect(loop: loop, to: address, timeoutMilliseconds: timeout) { result = $0 }
        #expect(result == nil, "never answered from inside the call")
        loop.expect({ result != nil }, "an answer")
        if case .failure(let error) = result { return error }
        return nil
    }

    @Test func refusedPort() throws {
        let loop = try Loop()
        let listener = try Listener(loop: loop, address: #require(SocketAddress("127.0.0.1:0"))) { $0.close() }
        let port = listener.port
        listener.close()
        loop.turn(milliseconds: 1)
        #expect(failure(loop, try #require(SocketAddress(host: "127.0.0.1", port: port)))?.code == -ECONNREFUSED)
        #expect(loop.close())
    }

    @Test func missingUnixSocket() throws {
        let loop = try Loop()
        let folder = try TemporaryFolder()
        #expect(failure(loop, try #require(SocketAddress(unixPath: folder.path + "/none")))?.code == -ENOENT)
        #expect(loop.close())
    }

    /// A listener whose backlog is full leaves the next SYN without an answer.
    @Test func timeoutWhenNobodyAnswers() throws {
        let loop = try Loop()
        let full = try FullBacklog()
        let error = failure(loop, try #require(SocketAddress(host: "127.0.0.1", port: full.port)), timeout: 30)
        #expect(error?.code == -ETIMEDOUT)
        #expect(loop.close())
    }

    @Test func cancelledAttemptSaysNothing() throws {
        let loop = try Loop()
        var answered = false
        let listener = try Listener(loop: loop, address: #require(SocketAddress("127.0.0.1:0"))) { $0.close() }
        let address = try #require(SocketAddress(host: "127.0.0.1", port: listener.port))
        let attempt = EventLoop.Stream.connect(loop: loop, to: address, timeoutMilliseconds: 1000) { _ in
            answered = true
        }
        attempt.cancel()
        attempt.cancel()
        loop.turn(milliseconds: 20)
        #expect(!answered)
        listener.close()
        #expect(loop.close())
    }

    @Test func portInUseIsAnErrorOfTheListener() throws {
        let loop = try Loop()
        let listener = try Listener(loop: loop, address: #require(SocketAddress("127.0.0.1:0"))) { $0.close() }
        let taken = try #require(SocketAddress(host: "127.0.0.1", port: listener.port))
        let error = #expect(throws: SystemError.self) {
            _ = try Listener(loop: loop, address: taken) { $0.close() }
        }
        #expect(error?.code == -EADDRINUSE)
        listener.close()
        #expect(loop.close())
    }

    /// A flood in the backlog leaves each turn of the loop its time for connections that exist.
    @Test func aListenerTakesSoManyConnectionsATurnAndAllInTheEnd() throws {
        let many = Listener.acceptsPerTurnMax * 2 + 1
        let loop = try Loop()
        var taken = 0
        let listener = try Listener(loop: loop, address: #require(SocketAddress("127.0.0.1:0"))) { stream in
            taken += 1
            stream.close()
        }
        // The kernel accepts for the listener while only the clients' loop turns.
        let clients = try Loop()
        var streams: [Stream] = []
        for _ in 0..<many {
            let address = try #require(SocketAddress(host: "127.0.0.1", port: listener.port))
            Stream.connect(loop: clients, to: address, timeoutMilliseconds: 5_000) {
                if case .success(let stream) = $0 { streams.append(stream) }
            }
        }
        clients.expect({ streams.count == many }, "all connected")
        var steps: [Int] = []
        var before = 0
        loop.expect(
            {
                steps.append(taken - before)
                before = taken
                return taken == many
            }, "all taken")
        #expect(steps.max() == Listener.acceptsPerTurnMax)
        for stream in streams { stream.close() }
        listener.close()
        #expect(loop.close())
        #expect(clients.close())
    }

    @Test func namesAreResolved() throws {
        let loop = try Loop()
        let resolver = Resolver(loop: loop)
        var local: Result<[SocketAddress], SystemError>?
        var unknown: Result<[SocketAddress], SystemError>?
        var literal: Result<[SocketAddress], SystemError>?
        resolver.resolve(host: "localhost", port: 80) { local = $0 }
        resolver.resolve(host: "no such name", port: 80) { unknown = $0 }
        resolver.resolve(host: "10.1.2.3", port: 80) { literal = $0 }
        loop.expect({ local != nil && unknown != nil && literal != nil }, "answers")
        #expect(try local?.get().allSatisfy { $0.isLoopback && $0.port == 80 } == true)
        let error = #expect(throws: SystemError.self) { try unknown?.get() }
        // What this name is to the resolver depends on it; it never passes for an address.
        #expect(error != nil)
        #expect(try literal?.get().map(\.description) == ["10.1.2.3:80"])
        #expect(loop.close())
    }
}

/// A listening socket that accepts nothing and whose backlog is used up.
final class FullBacklog {
    let port: Int
    private var descriptors: [Int32] = []

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        func call(_ body: (Int32, UnsafeMutablePointer<sockaddr>) -> Int32, _ descriptor: Int32) -> Int32 {
            withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body(descriptor, $0) }
            }
        }
        _ = call({ bind($0, $1, length) }, listener)
        listen(listener, 0)
        _ = call({ getsockname($0, $1, &length) }, listener)
        port = Int(UInt16(bigEndian: address.sin_port))
        descriptors.append(listener)
        for _ in 0..<4 {
            let filler = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            _ = call({ connect($0, $1, length) }, filler)
            descriptors.append(filler)
        }
    }

    deinit {
        for descriptor in descriptors { Glibc.close(descriptor) }
    }
}
