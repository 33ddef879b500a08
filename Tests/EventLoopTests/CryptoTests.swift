import EventLoop
import Testing

@Suite struct CryptoTests {
    /// RFC 4231, test case 2, twice, because a key signs many texts.
    @Test func signatures() {
        let key = SigningKey(Array("Jefe".utf8))
        for _ in 0..<2 {
            #expect(
                key.sign("what do ya want for nothing?")
                    == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
            #expect(key.sign("") == "923598ca6d64af2a5dba79dcd021a8a0fe5c5f557519adaaf0ad532d4506dd30")
        }
    }

    @Test func anEmptyKeySigns() {
        #expect(SigningKey([]).sign("") == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    /// FIPS 180-4 examples.
    @Test func digests() {
        #expect(
            Crypto.sha256Hex(Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Crypto.sha1Hex(Array("abc".utf8)) == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(Crypto.sha1Hex([]) == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    }

    /// RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy"),
    ])
    func base64(text: String, encoded: String) {
        #expect(Crypto.base64(Array(text.utf8)) == encoded)
    }

    @Test func equality() {
        #expect(Crypto.constantTimeEqual("abc", "abc"))
        #expect(!Crypto.constantTimeEqual("abc", "abd"))
        #expect(!Crypto.constantTimeEqual("abc", "abcd"))
        #expect(Crypto.constantTimeEqual("", ""))
    }

    @Test func randomness() {
        #expect(Crypto.randomHex(bytes: 16).utf8.count == 32)
        #expect(Crypto.randomHex(bytes: 16) != Crypto.randomHex(bytes: 16))
        #expect(Crypto.randomUInt64() != Crypto.randomUInt64())
        #expect(Crypto.hex([0, 15, 255]) == "000fff")
    }
}
