import CTLS

/// The server that a client expects: its certificate must have this name or address.
public struct TLSPeer: Hashable, Sendable {
    /// A host name, or an address without brackets.
    public let name: String
    let isAddress: Bool

    public init(_ name: String) {
        self.name = name
        isAddress = SocketAddress(host: name, port: 1) != nil
    }

    /// Why a server's certificate is not accepted (X509_verify_cert_error_string(3)).
    static func words(verdict: Int) -> String {
        switch Int32(verdict) {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            "the server's certificate is for another name"
        case X509_V_ERR_CERT_HAS_EXPIRED: "the server's certificate, or one that it rests on, has expired"
        case X509_V_ERR_CERT_NOT_YET_VALID: "the server's certificate, or one that it rests on, is not valid yet"
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
            X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            "the server's certificate is from an authority that is not trusted here"
        default: String(cString: X509_verify_cert_error_string(verdict))
        }
    }
}
