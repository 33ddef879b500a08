/// Why a request cannot be read, in words for its sender.
package struct HTTPFault: Error, Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// The bytes are no request, or an ambiguous one.
        case malformed
        case headTooLarge
    }

    package let kind: Kind
    /// The status of the answer (RFC 9110, 15).
    package let status: Int
    package let message: String

    package static func malformed(_ message: String, status: Int = 400) -> HTTPFault {
        HTTPFault(kind: .malformed, status: status, message: message)
    }

    static func headTooLarge(_ message: String) -> HTTPFault {
        HTTPFault(kind: .headTooLarge, status: 431, message: message)
    }
}
