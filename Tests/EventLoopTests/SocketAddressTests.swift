import EventLoop
import Testing

@Suite struct AllAddressesTests {
    @Test(arguments: ["0.0.0.0:1", "[::]:1", "[0:0:0:0:0:0:0:0]:1", "[::0]:1", "[::0.0.0.0]:1"])
    func areMeant(text: String) { #expect(SocketAddress(text)?.isUnspecified == true) }

    @Test(arguments: ["0.0.0.1:1", "127.0.0.1:1", "[::1]:1", "[::ffff:0.0.0.0]:1", "/tmp/socket"])
    func areNotMeant(text: String) { #expect(SocketAddress(text)?.isUnspecified == false) }
}

@Suite struct SocketAddressTests {
    @Test(arguments: [
        ("127.0.0.1:80", "127.0.0.1:80"), ("[::1]:443", "[::1]:443"), ("/run/x.sock", "/run/x.sock"),
        ("0.0.0.0:0", "0.0.0.0:0"), ("10.0.0.1:65535", "10.0.0.1:65535"),
    ]) func literals(text: String, description: String) throws {
        let address = try #require(SocketAddress(text))
        #expect(address.description == description)
        #expect(SocketAddress(address.description) == address)
    }

    @Test(arguments: [
        "", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "localhost:80",
        "::1:80", "[::1]", "[]:80", "127.0.0.1:123456", "/" + String(repeating: "x", count: 107), "1.2.3:80",
    ]) func noAddresses(text: String) {
        #expect(SocketAddress(text) == nil)
    }

    @Test func loopbackIsToldApart() {
        #expect(SocketAddress("127.8.0.1:1")?.isLoopback == true)
        #expect(SocketAddress("[::1]:1")?.isLoopback == true)
        #expect(SocketAddress("/a")?.isLoopback == true)
        #expect(SocketAddress("0.0.0.0:1")?.isLoopback == false)
        #expect(SocketAddress("[::]:1")?.isLoopback == false)
    }
}
