import CTLS
import CUV

/// Why TLS does not work, in words for an operator. No word comes from the peer or from a key.
public struct TLSFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }

    /// The first error that OpenSSL noted since `ERR_clear_error`. Clears the others.
    static func noted(_ operation: String) -> TLSFailure {
        let code = ERR_peek_error()
        ERR_clear_error()
        return TLSFailure("\(operation): \(reason(code))")
    }

    static func reason(_ code: UInt) -> String {
        guard code != 0 else { return "the connection broke" }
        return ERR_reason_error_string(code).map { String(cString: $0) } ?? "OpenSSL's error \(code)"
    }
}

extension SystemError {
    /// A stream that failed by TLS, not by the operating system.
    static func tls(_ failure: TLSFailure) -> SystemError {
        SystemError(code: UV_EPROTO.rawValue, operation: failure.description)
    }

    /// True if TLS failed. `operation` has the words.
    public var isTLS: Bool { code == UV_EPROTO.rawValue }
}
