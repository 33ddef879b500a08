import CHiredis
import EventLoop
import Glibc

/// Parses bytes into replies. Uses hiredis' reader, and bounds the memory that a reply may take.
package final class RedisReader {
    /// Most bytes of one reply, with all its parts.
    static let replyBytesMax = 64 * 1_024 * 1_024
    /// Most parts of one reply, in all its arrays.
    static let replyElementsMax = 65_536
    /// Most bytes of a line: a status, an error, a number or a length.
    static let replyLineMax = 64 * 1_024

    package struct ProtocolError: Error { let message: String }

    private let reader: UnsafeMutablePointer<redisReader>
    /// hiredis' functions. Ours for arrays checks the bound before an array is allocated.
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
    private let bounds: UnsafeMutablePointer<Bounds>
    /// Bytes received of a reply that is not complete yet.
    private var bytes = 0

    private struct Bounds {
        let createArray: @convention(c) (UnsafePointer<redisReadTask>?, Int32) -> UnsafeMutableRawPointer?
        var elements = 0
        var isExceeded = false
    }

    package init() {
        reader = redisReaderCreate()
        functions = .allocate(capacity: 1)
        functions.initialize(to: reader.pointee.fn.pointee)
        bounds = .allocate(capacity: 1)
        bounds.initialize(to: Bounds(createArray: functions.pointee.createArray))
        functions.pointee.createArray = { task, count in
            let bounds = task!.pointee.privdata.assumingMemoryBound(to: Bounds.self)
            bounds.pointee.elements += Int(count)
            guard bounds.pointee.elements <= RedisReader.replyElementsMax else {
                bounds.pointee.isExceeded = true
                return nil
            }
            return bounds.pointee.createArray(task, count)
        }
        reader.pointee.fn = functions
        reader.pointee.privdata = UnsafeMutableRawPointer(bounds)
    }

    deinit {
        redisReaderFree(reader)
        functions.deallocate()
        bounds.deallocate()
    }

    package func feed(_ bytes: UnsafeRawBufferPointer) {
        self.bytes += bytes.count
        redisReaderFeed(reader, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
    }

    /// The next complete reply; nil if more bytes are needed.
    package func next() throws(ProtocolError) -> RedisReply? {
        var raw: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &raw) == REDIS_OK else {
            if bounds.pointee.isExceeded { throw ProtocolError(message: RedisReader.tooManyParts) }
            let message = withUnsafePointer(to: &reader.pointee.errstr) {
                $0.withMemoryRebound(to: CChar.self, capacity: 128) { String(cString: $0) }
            }
            throw ProtocolError(message: message)
        }
        guard let raw else {
            try checkRest()
            return nil
        }
        defer { freeReplyObject(raw) }
        bounds.pointee.elements = 0
        bytes = rest
        return RedisReply(raw.assumingMemoryBound(to: redisReply.self))
    }

    /// Bytes that hiredis has buffered but not parsed.
    private var rest: Int { reader.pointee.len - reader.pointee.pos }

    /// Refuses a reply that exceeds a bound before its bytes are stored. A string is refused once its length is known.
    private func checkRest() throws(ProtocolError) {
        guard bytes <= RedisReader.replyBytesMax else { throw ProtocolError(message: RedisReader.tooLong) }
        guard rest > 0, let start = reader.pointee.buf else { return }
        let head = UnsafeRawBufferPointer(start: start + reader.pointee.pos, count: min(rest, RedisReader.replyLineMax))
        guard let end = head.firstIndex(of: UInt8(ascii: "\r")) else {
            guard rest <= RedisReader.replyLineMax else { throw ProtocolError(message: "a line is too long") }
            return
        }
        // A complete line that is not parsed yet is the length of a string whose bytes have not arrived.
        guard end + 1 < head.count, head[end + 1] == UInt8(ascii: "\n") else { return }
        let announced = Int(String(decoding: head[..<end], as: UTF8.self)) ?? 0
        guard announced <= RedisReader.replyBytesMax else { throw ProtocolError(message: RedisReader.tooLong) }
    }

    private static let tooLong = "a reply is longer than \(replyBytesMax) bytes"
    private static let tooManyParts = "a reply has more than \(replyElementsMax) parts"
}
