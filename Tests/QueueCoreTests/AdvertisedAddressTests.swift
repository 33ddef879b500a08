import QueueCore
import Testing

@Suite struct AdvertisedAddressTests {
    @Test(arguments: [
        ("10.0.0.5:40000", true, "10.0.0.5:3131", false), ("10.0.0.5:40000", false, "10.0.0.5:3131", false),
        ("[2001:db8::5]:40000", true, "[2001:db8::5]:3131", false),
        // A listener on 0.0.0.0 takes no IPv6.
        ("[2001:db8::5]:40000", false, "127.0.0.1:3131", true), ("[::1]:40000", false, "127.0.0.1:3131", false),
        ("[::ffff:10.0.0.5]:40000", false, "10.0.0.5:3131", false), ("[::1]:40000", true, "[::1]:3131", false),
        ("", true, "127.0.0.1:3131", false), ("", false, "127.0.0.1:3131", false),
    ])
    func isOneThatTheListenerTakes(local: String, takesIPv6: Bool, address: String, isGuess: Bool) {
        let found = AdvertisedAddress.found(local: local, takesIPv6: takesIPv6, port: 3131)
        #expect(found.address == address && found.isGuess == isGuess)
    }
}
