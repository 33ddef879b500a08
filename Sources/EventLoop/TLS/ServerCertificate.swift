import CTLS
import Glibc

/// A server's certificate with its chain and its private key, read from PEM and checked against each other.
public final class ServerCertificate {
    /// The fault of one of the two files.
    public struct Fault: Error, Hashable, CustomStringConvertible {
        public enum File: Hashable, Sendable { case certificate, key }
        public let file: File
        public let description: String
    }

    let leaf: OpaquePointer
    let chain: [OpaquePointer]
    let key: OpaquePointer

    public init(certificate: [UInt8], key: [UInt8]) throws(Fault) {
        ERR_clear_error()
        defer { ERR_clear_error() }
        let certificates = ServerCertificate.certificates(certificate)
        guard let leaf = certificates.first else {
            throw Fault(file: .certificate, description: "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)")
        }
        let found: OpaquePointer
        do throws(Fault) {
            found = try ServerCertificate.key(key)
            guard X509_check_private_key(leaf, found) == 1 else {
                EVP_PKEY_free(found)
                throw Fault(
                    file: .key, description: "does not belong to the certificate: its public key is another one")
            }
        } catch {
            for one in certificates { X509_free(one) }
            throw error
        }
        self.leaf = leaf
        self.key = found
        chain = Array(certificates.dropFirst())
    }

    deinit {
        X509_free(leaf)
        for issuer in chain { X509_free(issuer) }
        EVP_PKEY_free(key)
    }

    /// The last day of the certificate, `2027-01-31`.
    public var lastDay: String {
        var time = tm()
        guard ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &time) == 1 else { return "unknown" }
        let parts = [Int(time.tm_mon) + 1, Int(time.tm_mday)].map { $0 < 10 ? "0\($0)" : "\($0)" }
        return "\(Int(time.tm_year) + 1900)-\(parts.joined(separator: "-"))"
    }

    /// Whether clients accept it at this moment.
    public enum Validity: Hashable, Sendable { case valid, expired, notYet }

    public var validity: Validity {
        // X509_cmp_time(3): the sign of the time against now.
        if X509_cmp_time(X509_get0_notAfter(leaf), nil) < 0 { return .expired }
        return X509_cmp_time(X509_get0_notBefore(leaf), nil) > 0 ? .notYet : .valid
    }

    private static func certificates(_ pem: [UInt8]) -> [OpaquePointer] {
        reading(pem) { bio in
            var found: [OpaquePointer] = []
            while let one = PEM_read_bio_X509(bio, nil, nil, nil) { found.append(one) }
            return found
        }
    }

    private static func key(_ pem: [UInt8]) throws(Fault) -> OpaquePointer {
        var isAsked: Int32 = 0
        let key = reading(pem) { PEM_read_bio_PrivateKey($0, nil, berth_tls_no_passphrase, &isAsked) }
        if let key { return key }
        let words =
            isAsked == 1
            ? "is protected by a passphrase, and nobody is there to type it: openssl pkey -in <this> -out <new> takes it off"
            : "holds no private key in PEM (-----BEGIN PRIVATE KEY-----)"
        throw Fault(file: .key, description: words)
    }

    private static func reading<Value>(_ pem: [UInt8], _ body: (OpaquePointer?) -> Value) -> Value {
        pem.withUnsafeBytes { bytes in
            let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count))
            defer { BIO_free(bio) }
            return body(bio)
        }
    }
}
