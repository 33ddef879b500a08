import CHiredis
import EventLoop
import RedisClient

/// A redis-server of its own and one blocking connection to it; words may hold any byte.
public final class RealRedis {
    private let server: RedisServer
    private let context: UnsafeMutablePointer<redisContext>

    public init() throws {
        server = try RedisServer()
        context = redisConnectUnix(server.path)
        precondition(context.pointee.err == 0, "redis-server is reached")
    }

    deinit {
        redisFree(context)
        server.end()
    }

    /// All commands in one write, all replies in their order.
    public func pipeline(_ commands: [[[UInt8]]]) -> [RedisReply] {
        for words in commands {
            let bytes = Array(words.joined())
            bytes.withUnsafeBytes { buffer in
                // What is empty needs an address too.
                let base = buffer.baseAddress ?? UnsafeRawPointer(bitPattern: 1)!
                var at = 0
                var pointers: [UnsafePointer<CChar>?] = words.map { word in
                    defer { at += word.count }
                    return (base + at).assumingMemoryBound(to: CChar.self)
                }
                var lengths = words.map(\.count)
                redisAppendCommandArgv(context, Int32(words.count), &pointers, &lengths)
            }
        }
        return commands.map { _ in
            var raw: UnsafeMutableRawPointer?
            guard redisGetReply(context, &raw) == REDIS_OK, let raw else { preconditionFailure("connection lost") }
            defer { freeReplyObject(raw) }
            return read(raw.assumingMemoryBound(to: redisReply.self).pointee)
        }
    }

    public func command(_ words: [UInt8]...) -> RedisReply { pipeline([words])[0] }

    private func read(_ reply: redisReply) -> RedisReply {
        switch reply.type {
        case REDIS_REPLY_STRING: .bulk(bytes(reply))
        case REDIS_REPLY_STATUS: .status(String(decoding: bytes(reply), as: UTF8.self))
        case REDIS_REPLY_ERROR: .error(String(decoding: bytes(reply), as: UTF8.self))
        case REDIS_REPLY_INTEGER: .integer(reply.integer)
        case REDIS_REPLY_ARRAY: .array((0..<reply.elements).map { read(reply.element[$0]!.pointee) })
        default: .null
        }
    }

    private func bytes(_ reply: redisReply) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: reply.str, count: Int(reply.len)))
    }
}
