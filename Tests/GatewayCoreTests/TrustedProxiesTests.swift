import Testing

@testable import GatewayCore

@Suite struct TrustedProxiesTests {
    let proxies = TrustedProxies(["10.0.0.0/8", "2001:db8::/32"].map { try! AddressRange($0) })

    private func sender(_ peer: String, _ lines: [String]) throws -> Sender {
        proxies.sender(of: try head(handshake("/", lines)), peer: peer)
    }

    @Test(arguments: [
        // The peer is a stranger: what it says of others is ignored.
        ("192.0.2.7", ["X-Forwarded-For: 198.51.100.1"], "192.0.2.7"),
        ("not an address", ["X-Forwarded-For: 198.51.100.1"], "not an address"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["X-Forwarded-For: 198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["X-Forwarded-For: 198.51.100.1"], "198.51.100.1"),
        // Two proxies in a row, in one field and in two.
        ("10.0.0.2", ["X-Forwarded-For: 198.51.100.1, 10.0.0.1"], "198.51.100.1"),
        ("10.0.0.2", ["X-Forwarded-For: 198.51.100.1", "x-forwarded-for: 10.0.0.1"], "198.51.100.1"),
        ("2001:db8::9", ["X-Forwarded-For: 2001:DB9::1,10.0.0.1"], "2001:db9::1"),
        // The client may have invented the addresses before its own.
        ("10.0.0.2", ["X-Forwarded-For: 10.6.6.6, 198.51.100.1, 10.0.0.1"], "198.51.100.1"),
        ("10.0.0.2", ["X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 198.51.100.1"], "198.51.100.1"),
        // All are proxies: the outermost one is the client.
        ("10.0.0.2", ["X-Forwarded-For: 10.0.0.3, 10.0.0.1"], "10.0.0.3"),
        // An unknown client of the nearest proxy, and of a further one.
        ("10.0.0.2", ["X-Forwarded-For: unknown"], "10.0.0.2"),
        ("10.0.0.2", ["X-Forwarded-For: 198.51.100.1, _hidden, 10.0.0.1"], "10.0.0.1"),
        ("10.0.0.2", ["X-Forwarded-For: 198.51.100.1:40000"], "198.51.100.1"),
        ("10.0.0.2", ["X-Forwarded-For: [2001:db9::1]:40000, [2001:db8::1]"], "2001:db9::1"),
        ("10.0.0.2", ["X-Forwarded-For: , ,"], "10.0.0.2"),
        ("10.0.0.2", ["Forwarded: for=198.51.100.1"], "10.0.0.2"),
    ])
    func theClientIsTheRightmostAddressThatIsNoProxys(_ peer: String, _ lines: [String], _ address: String) throws {
        let sender = try sender(peer, lines)
        #expect(sender.address == address)
        #expect(sender.isProxied == (address != peer))
    }

    @Test(arguments: [
        ("10.0.0.1", ["X-Forwarded-Proto: https"], true), ("10.0.0.1", ["X-Forwarded-Proto: HTTPS"], true),
        ("10.0.0.1", ["X-Forwarded-Proto: wss"], true), ("10.0.0.1", ["X-Forwarded-Proto: http"], false),
        ("10.0.0.1", [], false), ("192.0.2.7", ["X-Forwarded-Proto: https"], false),
        // The nearest proxy wrote the last one.
        ("10.0.0.1", ["X-Forwarded-Proto: https, http"], false), ("10.0.0.1", ["X-Forwarded-Proto: http, https"], true),
        ("10.0.0.1", ["X-Forwarded-Proto: http", "X-Forwarded-Proto: https"], true),
    ])
    func theNearestProxySaysWhetherTheConnectionIsEncrypted(_ peer: String, _ lines: [String], _ isEncrypted: Bool)
        throws
    {
        #expect(try sender(peer, lines).isEncrypted == isEncrypted)
    }

    /// The sidecar is told who the client is. It never sees what the client wrote of itself.
    @Test func theClientsAddressIsForwardedAndNoOther() throws {
        let tenancy = Tenancy(tenants: [], trustedProxies: proxies)
        let lines = ["X-Forwarded-For: 6.6.6.6, 198.51.100.1", "Forwarded: for=6.6.6.6"]
        for (peer, expected) in [("10.0.0.1", "198.51.100.1"), ("192.0.2.7", "192.0.2.7")] {
            let request = try admit(playwright("/", lines), tenancy, peer: peer)
            #expect(request.address == expected)
            let text = String(decoding: request.head.composed(session: "s"), as: UTF8.self).lowercased()
            #expect(text.contains("\r\nx-forwarded-for: \(expected)\r\n"))
            #expect(!text.contains("6.6.6.6") && !text.contains("forwarded: for"))
        }
    }
}
