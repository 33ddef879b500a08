import CHiredis
import EventLoop

/// One reply of Redis (RESP2).
public enum RedisReply: Hashable, Sendable {
    case status(String)
    case bulk([UInt8])
    case integer(Int64)
    case array([RedisReply])
    case null
    /// An error reply: a code in capitals, a space, and a text.
    case error(String)

    /// The text of a status or a bulk reply. Scripts reply numbers as text too.
    public var text: String? {
        switch self {
        case .status(let text): text
        case .bulk(let bytes): String(decoding: bytes, as: UTF8.self)
        default: nil
        }
    }

    /// The number in an integer reply, or written in a bulk or status reply.
    public var int: Int64? {
        switch self {
        case .integer(let number): number
        default: text.flatMap { Int64($0) }
        }
    }

    public var elements: [RedisReply]? {
        if case .array(let elements) = self { return elements }
        return nil
    }

    /// The text of an error reply.
    public var errorText: String? {
        if case .error(let text) = self { return text }
        return nil
    }

    /// True for an error reply that starts with this code, such as `NOSCRIPT` or `OOM`.
    public func isError(_ code: String) -> Bool {
        guard case .error(let text) = self else { return false }
        return text == code || text.hasPrefix(code + " ")
    }
}

extension RedisReply {
    init(_ reply: UnsafePointer<redisReply>) {
        let reply = reply.pointee
        switch reply.type {
        case REDIS_REPLY_STRING: self = .bulk(RedisReply.bytes(reply))
        case REDIS_REPLY_STATUS: self = .status(String(decoding: RedisReply.bytes(reply), as: UTF8.self))
        case REDIS_REPLY_ERROR: self = .error(String(decoding: RedisReply.bytes(reply), as: UTF8.self))
        case REDIS_REPLY_INTEGER: self = .integer(reply.integer)
        case REDIS_REPLY_ARRAY:
            self = .array((0..<Int(reply.elements)).map { RedisReply(reply.element[$0]!) })
        default: self = .null
        }
    }

    private static func bytes(_ reply: redisReply) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: reply.str, count: Int(reply.len)))
    }
}

/// A command in the form that Redis reads: an array of bulk strings (RESP2). hiredis' formatter is not used, because it
/// needs arrays of C pointers and returns a copy that must be copied again.
func redisCommand(_ arguments: [[UInt8]]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(arguments.reduce(16) { $0 + $1.count + 16 })
    func head(_ mark: Character, _ number: Int) {
        bytes.append(mark.asciiValue!)
        bytes.append(contentsOf: String(number).utf8)
        bytes.append(contentsOf: "\r\n".utf8)
    }
    head("*", arguments.count)
    for argument in arguments {
        head("$", argument.count)
        bytes.append(contentsOf: argument)
        bytes.append(contentsOf: "\r\n".utf8)
    }
    return bytes
}

func redisCommand(_ words: String...) -> [UInt8] {
    redisCommand(words.map { Array($0.utf8) })
}
