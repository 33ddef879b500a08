import Testing

@testable import GatewayCore

@Suite struct AddressRangeTests {
    /// A range, addresses within it, and addresses beside it.
    static let ranges: [(String, [String], [String])] = [
        ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"], ["::", "::1", "2001:db8::1"]),
        ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], ["9.255.255.255", "11.0.0.0"]),
        ("192.0.2.128/25", ["192.0.2.128", "192.0.2.255"], ["192.0.2.127", "192.0.3.0"]),
        ("192.0.2.6/31", ["192.0.2.6", "192.0.2.7"], ["192.0.2.5", "192.0.2.8"]),
        ("192.0.2.7/32", ["192.0.2.7"], ["192.0.2.6", "192.0.2.8"]),
        ("192.0.2.7", ["192.0.2.7", "::ffff:c000:207"], ["192.0.2.6", "::c000:207"]),
        ("255.255.255.255/32", ["255.255.255.255"], ["255.255.255.254"]),
        ("::/0", ["::", "2001:db8::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], ["0.0.0.0", "::ffff:1.2.3.4"]),
        ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"], ["2001:db9::", "2001:db7:ffff::"]),
        ("2001:DB8::1/128", ["2001:db8::1", "2001:db8:0:0:0:0:0:1"], ["2001:db8::", "2001:db8::2"]),
        ("fe80::/10", ["fe80::1", "febf::1"], ["fec0::1", "fe7f::1"]),
        ("8000::/1", ["8000::", "ffff::"], ["7fff::"]),
        ("::ffff:10.0.0.0/104", ["10.9.9.9", "::ffff:10.0.0.1"], ["11.0.0.1"]),
        ("::ffff:0:0/96", ["1.2.3.4", "255.0.0.1"], ["::1"]),
        ("::ffff:192.0.2.7", ["192.0.2.7"], ["192.0.2.8"]),
    ]

    @Test func containsItsAddressesAndNoOther() throws {
        for (text, inside, outside) in Self.ranges {
            let range = try AddressRange(text)
            for address in inside {
                #expect(range.contains(try #require(IPAddress(address))), "\(text) has \(address)")
            }
            for address in outside { #expect(!range.contains(try #require(IPAddress(address))), "\(text): \(address)") }
        }
    }

    @Test(arguments: [
        ("", "is not an address"), ("10.0.0.0/33", "from 0 to 32"), ("::/129", "from 0 to 128"),
        ("::ffff:10.0.0.0/129", "from 0 to 128"), ("10.0.0.0/", "from 0 to 32"), ("10.0.0.0/-1", "from 0 to 32"),
        ("10.0.0.0/8/8", "from 0 to 32"), ("10.0.0.0/+8", "from 0 to 32"), ("10.0.0.0/0008", "from 0 to 32"),
        ("10.0.0.1/8", "bits behind its length"), ("2001:db8::1/64", "bits behind its length"),
        ("0.0.0.1/0", "bits behind its length"), ("::1/0", "bits behind its length"),
        ("::ffff:0:0/95", "bits behind its length"), ("10.0.0/8", "is not an address"),
        ("10.0.0.0.0/8", "is not an address"), ("010.0.0.0/8", "is not an address"),
        ("10.0.0.256", "is not an address"),
        ("localhost", "is not an address"), ("10.0.0.0:80", "is not an address"), ("[::1]", "is not an address"),
        ("fe80::1%eth0", "is not an address"), ("/8", "is not an address"), ("*", "is not an address"),
    ])
    func aBadRangeIsAClearError(_ text: String, _ words: String) {
        do throws(AddressRange.Objection) {
            _ = try AddressRange(text)
            Issue.record("\(text) is no range")
        } catch {
            #expect(error.words.contains(words) && error.words.contains("'\(text)'"), "\(error.words)")
        }
    }

    @Test(arguments: [
        ":", ":::", "1::2::3", "::12345", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", "g::", "::1.2.3",
        "1.2.3.4::", "::1.2.3.4:5", "1:", ":1", "1.2.3.4.", " ::1", "+1::", "٣::",
    ])
    func otherTextsAreNoAddresses(_ text: String) { #expect(IPAddress(text) == nil) }

    @Test func formsOfOneAddressAreEqual() {
        #expect(IPAddress("::ffff:192.0.2.1") == IPAddress("192.0.2.1"))
        #expect(IPAddress("0:0:0:0:0:ffff:c000:0201") == IPAddress("192.0.2.1"))
        #expect(IPAddress("::192.0.2.1") != IPAddress("192.0.2.1"))
        #expect(IPAddress("64:ff9b::192.0.2.1") == IPAddress("64:ff9b::c000:201"))
        #expect(IPAddress("1:2:3:4:5:6:7::") == IPAddress("1:2:3:4:5:6:7:0"))
    }
}
