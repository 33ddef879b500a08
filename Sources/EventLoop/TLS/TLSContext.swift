import CTLS

/// Versions, ciphers and certificates that sessions of TLS share. A session keeps the context that it began with.
public final class TLSContext {
    let handle: OpaquePointer

    /// For a server that shows this certificate.
    public init(server certificate: ServerCertificate) throws(ServerCertificate.Fault) {
        do throws(TLSFailure) {
            handle = try TLSContext.make(isServer: true)
            guard SSL_CTX_use_certificate(handle, certificate.leaf) == 1 else {
                throw .noted("is refused by OpenSSL")
            }
            for issuer in certificate.chain where berth_tls_add_chain(handle, issuer) != 1 {
                throw .noted("is refused by OpenSSL, for one of its issuers")
            }
            guard SSL_CTX_use_PrivateKey(handle, certificate.key) == 1 else {
                throw .noted("does not go with its key")
            }
        } catch {
            throw ServerCertificate.Fault(file: .certificate, description: error.description)
        }
    }

    /// For a client that verifies servers.
    /// - Parameter authorities: a file of PEM certificates; nil for those that the system trusts.
    public init(trusting authorities: String?) throws(TLSFailure) {
        handle = try TLSContext.make(isServer: false)
        ERR_clear_error()
        SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, nil)
        let code =
            authorities.map { SSL_CTX_load_verify_file(handle, $0) } ?? SSL_CTX_set_default_verify_paths(handle)
        guard code == 1 else {
            throw .noted(authorities.map { "no certificate can be read from \($0)" } ?? "the system's certificates")
        }
    }

    deinit { SSL_CTX_free(handle) }

    private static func make(isServer: Bool) throws(TLSFailure) -> OpaquePointer {
        ERR_clear_error()
        guard let handle = berth_tls_context(isServer ? 1 : 0) else { throw .noted("TLS context") }
        return handle
    }
}
