import CHiredis
import EventLoop
import Glibc
import Queue
import TestSupport

/// A reply of Redis, as plain values.
indirect enum Reply: Hashable {
    case text(String)
    case integer(Int)
    case list([Reply])
    case null
    case error(String)

    var string: String {
        switch self {
        case .text(let text), .error(let text): text
        case .integer(let number): String(number)
        case .list, .null: ""
        }
    }

    var list: [Reply] {
        if case .list(let items) = self { return items }
        return []
    }

    var strings: [String] { list.map(\.string) }

    fileprivate init(_ reply: redisReply) {
        switch reply.type {
        case REDIS_REPLY_INTEGER: self = .integer(Int(reply.integer))
        case REDIS_REPLY_NIL: self = .null
        case REDIS_REPLY_ARRAY: self = .list((0..<reply.elements).map { Reply(reply.element[$0]!.pointee) })
        case REDIS_REPLY_ERROR: self = .error(Self.text(reply))
        default: self = .text(Self.text(reply))
        }
    }

    private static func text(_ reply: redisReply) -> String {
        String(decoding: UnsafeRawBufferPointer(start: reply.str, count: Int(reply.len)), as: UTF8.self)
    }
}

/// One blocking connection.
final class BlockingConnection {
    private let context: UnsafeMutablePointer<redisContext>

    init(unix path: String) {
        context = redisConnectUnix(path)
        precondition(context.pointee.err == 0, "no server at \(path)")
    }

    init(port: Int) {
        context = redisConnect("127.0.0.1", Int32(port))
        precondition(context.pointee.err == 0, "no server at port \(port)")
    }

    deinit { redisFree(context) }

    func callAsFunction(_ words: [String]) -> Reply {
        append(words)
        return next()
    }

    /// All in one write, all replies in their order.
    func pipeline(_ commands: [[String]]) -> [Reply] {
        for words in commands { append(words) }
        return commands.map { _ in next() }
    }

    fileprivate func giveUp(afterSeconds seconds: Int) {
        redisSetTimeout(context, timeval(tv_sec: seconds, tv_usec: 0))
    }

    fileprivate func append(_ words: [String]) {
        let copies = words.map { text in text.withCString { strdup($0) } }
        defer { for copy in copies { free(copy) } }
        var pointers: [UnsafePointer<CChar>?] = copies.map { UnsafePointer($0) }
        var lengths = words.map(\.utf8.count)
        redisAppendCommandArgv(context, Int32(words.count), &pointers, &lengths)
    }

    fileprivate func next() -> Reply {
        var raw: UnsafeMutableRawPointer?
        guard redisGetReply(context, &raw) == REDIS_OK, let raw else { preconditionFailure("connection lost") }
        defer { freeReplyObject(raw) }
        return Reply(raw.assumingMemoryBound(to: redisReply.self).pointee)
    }
}

/// A server of its own, of the kind that `BERTH_REDIS` asks for, and blocking connections to it: in a cluster, to the
/// node that has the fleet's keys.
final class TestRedis {
    private let server: RedisServer
    private let key: String
    private var port: Int?
    /// What an operator asks.
    private var operating: BlockingConnection
    /// What Berth's processes ask, with no more rights than they need.
    private var berth: BlockingConnection

    /// Its unix socket; its files are beside it.
    var path: String { server.path }

    /// - Parameters:
    ///   - key: one of the fleet's.
    ///   - options: as on the server's command line.
    init(key: String = Keys(fleet: "t").state, options: [String] = []) {
        server = try! RedisServer(options, variant: .wanted)
        self.key = key
        (operating, berth, port) = Self.connect(server, key)
    }

    private static func connect(_ server: RedisServer, _ key: String) -> (BlockingConnection, BlockingConnection, Int?)
    {
        let first = BlockingConnection(unix: server.path)
        var port: Int?
        if case .error(let moved) = first(["EXISTS", key]), let colon = moved.lastIndex(of: ":") {
            port = Int(moved[moved.index(after: colon)...])
        }
        let operating = port.map { BlockingConnection(port: $0) } ?? first
        guard let login = server.login else { return (operating, operating, port) }
        let berth = BlockingConnection(unix: server.path)
        precondition(berth(["AUTH"] + login) == .text("OK"))
        return (operating, berth, port)
    }

    /// Kills it and starts it again, with what its options let it keep; scripts and listeners are gone.
    func restart(between: () -> Void = {}) {
        server.kill()
        between()
        try! server.start()
        (operating, berth, port) = Self.connect(server, key)
    }

    deinit { server.end() }

    /// As an operator.
    @discardableResult
    func command(_ words: [String]) -> Reply { operating(words) }

    /// As an operator.
    @discardableResult
    func callAsFunction(_ words: String...) -> Reply { operating(words) }

    /// As a process of Berth's.
    func ask(_ words: [String]) -> Reply { berth(words) }

    /// As a process of Berth's.
    func pipeline(_ commands: [[String]]) -> [Reply] { berth.pipeline(commands) }

    /// A connection that listens to channels and says nothing else.
    func subscribe(_ channels: [String]) -> Subscriber {
        Subscriber(port.map { BlockingConnection(port: $0) } ?? BlockingConnection(unix: server.path), channels)
    }
}

/// Listens, so that a PUBLISH has a receiver.
final class Subscriber {
    private static let secondsMax = 10
    private let connection: BlockingConnection

    fileprivate init(_ connection: BlockingConnection, _ channels: [String]) {
        self.connection = connection
        connection.giveUp(afterSeconds: Self.secondsMax)
        for channel in channels { _ = connection(["SUBSCRIBE", channel]) }
    }

    /// Listens no more; returns when Redis knows.
    func stop() {
        connection.append(["UNSUBSCRIBE"])
        while connection.next().strings.first != "unsubscribe" {}
    }

    /// The next message. What a script publishes is there when the script has answered: none means there is none.
    func next() -> (channel: String, text: String) {
        let parts = connection.next().strings
        return (parts[1], parts[2])
    }
}
