import CCrypto

/// A key that signs texts by HMAC-SHA-256 (RFC 2104).
///
/// OpenSSL prepares the key once, which takes most of the time of a short text's signature.
public final class SigningKey {
    private let context: OpaquePointer

    public init(_ key: [UInt8]) {
        guard let algorithm = EVP_MAC_fetch(nil, "HMAC", nil), let context = EVP_MAC_CTX_new(algorithm) else {
            preconditionFailure("OpenSSL has no HMAC")
        }
        // The context keeps the algorithm.
        EVP_MAC_free(algorithm)
        self.context = context
        var digest = Array("SHA256".utf8CString)
        // The parameters point to both names.
        let isReady = OSSL_MAC_PARAM_DIGEST.withCString { name in
            digest.withUnsafeMutableBufferPointer { digest in
                let parameters = [
                    OSSL_PARAM_construct_utf8_string(name, digest.baseAddress, 0), OSSL_PARAM_construct_end(),
                ]
                // An empty array may have no address, and without an address OpenSSL expects the key later.
                return EVP_MAC_init(context, key.isEmpty ? [0] : key, key.count, parameters)
            }
        }
        precondition(isReady == 1, "OpenSSL has no HMAC-SHA-256")
    }

    deinit { EVP_MAC_CTX_free(context) }

    /// The signature of the text's UTF-8, as 64 lower-case hex digits.
    public func sign(_ text: String) -> String {
        var text = text
        var signature = [UInt8](repeating: 0, count: 32)
        var length = 0
        let isSigned =
            EVP_MAC_init(context, nil, 0, nil) == 1
            && text.withUTF8 { EVP_MAC_update(context, $0.baseAddress, $0.count) } == 1
            && EVP_MAC_final(context, &signature, &length, signature.count) == 1
        precondition(isSigned && length == signature.count, "OpenSSL cannot sign")
        return Crypto.hex(signature)
    }
}
