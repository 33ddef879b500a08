import Glibc

/// The paths of a server's certificate and of its key.
public struct CertificateFiles: Hashable, Sendable {
    /// Longest file that is read.
    static let bytesMax = 1_048_576

    public let certificate: String
    public let key: String

    /// - Parameters:
    ///   - certificate: PEM: the server's own certificate, then those of its issuers.
    ///   - key: PEM, without a passphrase.
    public init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }

    /// The bytes of both files at one moment. Reading blocks.
    public struct Content: Hashable, Sendable {
        /// Nil if the file cannot be read; `certificateFault` then has the reason.
        public let certificate: [UInt8]?
        public let certificateFault: String
        public let key: [UInt8]?
        public let keyFault: String
        /// All users of this machine may read the key.
        public let isKeyExposed: Bool

        /// The paths as one text without secrets.
        public var fingerprint: String {
            Crypto.sha256Hex((certificate ?? []) + Array("|\(certificateFault)|\(keyFault)|".utf8) + (key ?? []))
        }
    }

    public func read() -> Content {
        let (certificateBytes, certificateFault) = CertificateFiles.bytes(certificate)
        let (keyBytes, keyFault) = CertificateFiles.bytes(key)
        var info = stat()
        let isKeyExposed = stat(key, &info) == 0 && info.st_mode & S_IROTH != 0
        return Content(
            certificate: certificateBytes, certificateFault: certificateFault, key: keyBytes, keyFault: keyFault,
            isKeyExposed: isKeyExposed)
    }

    private static func bytes(_ path: String) -> ([UInt8]?, String) {
        errno = 0
        if let bytes = Files.readBytes(path, bytesMax: bytesMax) { return (bytes, "") }
        return (nil, errno == 0 ? "is longer than 1 MiB" : String(cString: strerror(errno)))
    }
}

extension ServerCertificate {
    public convenience init(_ content: CertificateFiles.Content) throws(Fault) {
        guard let certificate = content.certificate else {
            throw Fault(file: .certificate, description: "cannot be read: \(content.certificateFault)")
        }
        guard let key = content.key else {
            throw Fault(file: .key, description: "cannot be read: \(content.keyFault)")
        }
        try self.init(certificate: certificate, key: key)
    }
}
