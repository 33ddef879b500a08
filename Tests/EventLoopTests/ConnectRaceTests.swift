import Glibc
import TestSupport
import Testing

@testable import EventLoop

@Suite struct ConnectRaceTests {
    private func race(_ addresses: [SocketAddress], timeoutMilliseconds: UInt64 = 2_000) throws -> (
        result: Result<String, ConnectRace.Failure>?, milliseconds: UInt64
    ) {
        let loop = try Loop()
        var result: Result<String, ConnectRace.Failure>?
        let began = loop.now
        let race = ConnectRace(loop: loop, to: addresses, timeoutMilliseconds: timeoutMilliseconds) { answer in
            result = answer.map { stream in
                defer { stream.close() }
                return stream.peerAddress
            }
        }
        loop.expect({ result != nil }, "an answer")
        let took = loop.now - began
        race.cancel()
        #expect(loop.close())
        return (result, took)
    }

    private func listening(_ loop: Loop) throws -> Listener {
        try Listener(loop: loop, address: #require(SocketAddress("127.0.0.1:0"))) { $0.close() }
    }

    @Test func anAddressThatRefusesMakesRoomAtOnce() throws {
        let loop = try Loop()
        let listener = try listening(loop)
        let good = try #require(SocketAddress(host: "127.0.0.1", port: listener.port))
        // The kernel accepts for the listener; its loop need not turn.
        let (result, took) = try race(
            [#require(SocketAddress(host: "127.0.0.2", port: 1)), good], timeoutMilliseconds: 20_000)
        #expect(try result?.get() == good.description)
        #expect(took < 10_000)
        listener.close()
        #expect(loop.close())
    }

    @Test func anAddressThatIsSilentHasItsPartOfTheTime() throws {
        let loop = try Loop()
        let listener = try listening(loop)
        let full = try FullBacklog()
        let good = try #require(SocketAddress(host: "127.0.0.1", port: listener.port))
        let (result, took) = try race(
            [#require(SocketAddress(host: "127.0.0.1", port: full.port)), good], timeoutMilliseconds: 400)
        #expect(try result?.get() == good.description)
        #expect(took >= 200)
        withExtendedLifetime(full) {}
        listener.close()
        #expect(loop.close())
    }

    @Test func allThatFailAreNamed() throws {
        let dead = try ["127.0.0.2", "127.0.0.3"].map { try #require(SocketAddress(host: $0, port: 1)) }
        let (result, _) = try race(dead)
        let failure = #expect(throws: ConnectRace.Failure.self) { try result?.get() }
        #expect(failure?.errors.map(\.code) == [-ECONNREFUSED, -ECONNREFUSED])
        #expect(dead.allSatisfy { failure?.description.contains($0.description) == true })
    }

    @Test func moreThanEightAddressesAreNotTried() throws {
        let dead = try (1...9).map { try #require(SocketAddress(host: "127.0.0.\($0)", port: 1)) }
        let (result, _) = try race(dead)
        let failure = #expect(throws: ConnectRace.Failure.self) { try result?.get() }
        #expect(failure?.errors.count == ConnectRace.addressesMax)
    }
}
