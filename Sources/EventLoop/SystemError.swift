import CUV

/// An operation that the operating system or libuv refused.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// libuv's error number: the negated errno, or one of libuv's own (`UV_EOF`, `UV_EAI_…`).
    public let code: Int32
    /// The operation, in a word or two: `connect`, `bind`, `read`.
    public let operation: String

    public init(code: Int32, operation: String) {
        self.code = code
        self.operation = operation
    }

    public var description: String {
        "\(operation): \(String(cString: uv_strerror(code))) (\(String(cString: uv_err_name(code))))"
    }

    /// The deadline of an operation passed.
    static func timedOut(_ operation: String) -> SystemError {
        SystemError(code: UV_ETIMEDOUT.rawValue, operation: operation)
    }

    /// Throws if a libuv call returned an error.
    @discardableResult
    static func check(_ code: Int32, _ operation: String) throws(SystemError) -> Int32 {
        if code < 0 { throw SystemError(code: code, operation: operation) }
        return code
    }
}
