import CCrypto

/// The cryptographic functions that Berth needs, from OpenSSL.
public enum Crypto {
    /// SHA-256 as 64 lower-case hex digits.
    public static func sha256(_ bytes: [UInt8]) -> [UInt8] { digest(EVP_sha256(), bytes) }
    public static func sha256Hex(_ bytes: [UInt8]) -> String { hex(sha256(bytes)) }

    /// SHA-1, for the name of a Redis script and for the WebSocket handshake (RFC 6455, 4.2.2). Never for secrecy.
    public static func sha1(_ bytes: [UInt8]) -> [UInt8] { digest(EVP_sha1(), bytes) }

    /// SHA-1 as 40 lower-case hex digits.
    public static func sha1Hex(_ bytes: [UInt8]) -> String { hex(sha1(bytes)) }

    /// Compares two texts in a time that depends only on their lengths.
    public static func constantTimeEqual(_ one: String, _ two: String) -> Bool {
        let first = Array(one.utf8)
        let second = Array(two.utf8)
        return first.count == second.count && CRYPTO_memcmp(first, second, first.count) == 0
    }

    /// Unpredictable bytes. OpenSSL takes its seed from the kernel. The process aborts if there is no randomness.
    public static func randomBytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        precondition(RAND_bytes(&bytes, Int32(count)) == 1, "OpenSSL has no randomness")
        return bytes
    }

    /// 64 unpredictable bits.
    public static func randomUInt64() -> UInt64 {
        randomBytes(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// `bytes` random bytes as lower-case hex: twice as many digits.
    public static func randomHex(bytes count: Int) -> String { hex(randomBytes(count)) }

    /// Lower-case hex.
    public static func hex(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            text.append(hexDigits[Int(byte >> 4)])
            text.append(hexDigits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Base64 with padding (RFC 4648, 4).
    public static func base64(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for i in 0..<4 {
                text.append(i <= group.count ? base64Digits[bits >> (18 - 6 * i) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static let base64Digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let hexDigits = Array("0123456789abcdef".utf8)

    private static func digest(_ algorithm: OpaquePointer?, _ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        precondition(
            EVP_Digest(bytes, bytes.count, &digest, &length, algorithm, nil) == 1, "OpenSSL lacks the digest")
        return Array(digest.prefix(Int(length)))
    }
}
