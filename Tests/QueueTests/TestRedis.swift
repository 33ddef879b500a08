import CHiredis
import Glibc
import Synchronization

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
}

/// Copies for C, to be freed.
private func copies(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
    texts.map { text in text.withCString { strdup($0) } }
}

/// One server is started at a time: a pipe is not inherited by another's server between its making and its flag.
private let starting = Mutex(())

/// A redis-server of its own on a unix socket in a temporary folder, and one blocking connection to it. A shell holds
/// the server by a pipe, so that it ends with this process however that ends.
final class TestRedis {
    let folder: String
    private var context: UnsafeMutablePointer<redisContext>
    private let keeper: pid_t
    private let leash: Int32

    init() {
        var template = Array("/tmp/berth-queue-XXXXXX".utf8CString)
        folder = String(cString: mkdtemp(&template))
        let socket = folder + "/s"
        let server =
            "redis-server --port 0 --unixsocket \(socket) --save '' --appendonly no --dir \(folder)"
            + " --maxmemory-policy noeviction"
        // `read` returns when the leash is cut.
        let script = "\(server) & p=$!; read line; kill -9 $p; rm -rf \(folder)"
        let (child, leash, output) = starting.withLock { _ in Self.start(script) }
        keeper = child
        self.leash = leash
        // The server says when it listens.
        var heard = ""
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !heard.contains("ready to accept connections") {
            let count = Glibc.read(output, &buffer, buffer.count)
            precondition(count > 0, "redis-server did not start: \(heard)")
            heard += String(decoding: buffer[..<count], as: UTF8.self)
        }
        close(output)
        context = redisConnectUnix(socket)
        precondition(context.pointee.err == 0)
    }

    /// - Returns: the shell, the end that holds it, the end that hears the server.
    private static func start(_ script: String) -> (pid_t, Int32, Int32) {
        var input: [Int32] = [0, 0]
        var output: [Int32] = [0, 0]
        precondition(pipe(&input) == 0 && pipe(&output) == 0)
        for end in input + output { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, input[0], 0)
        posix_spawn_file_actions_adddup2(&actions, output[1], 1)
        posix_spawn_file_actions_adddup2(&actions, output[1], 2)
        var arguments = copies(["/bin/sh", "-c", script]) + [nil]
        var child: pid_t = 0
        let spawned = posix_spawn(&child, "/bin/sh", &actions, nil, &arguments, environ)
        precondition(spawned == 0)
        posix_spawn_file_actions_destroy(&actions)
        for argument in arguments { free(argument) }
        close(input[0])
        close(output[1])
        return (child, input[1], output[0])
    }

    deinit {
        redisFree(context)
        close(leash)
        var status: Int32 = 0
        waitpid(keeper, &status, 0)
    }

    @discardableResult
    func command(_ arguments: [String]) -> Reply {
        let words = copies(arguments)
        defer { for word in words { free(word) } }
        var pointers: [UnsafePointer<CChar>?] = words.map { UnsafePointer($0) }
        var lengths = arguments.map(\.utf8.count)
        let raw = redisCommandArgv(context, Int32(arguments.count), &pointers, &lengths)
        guard let raw else { preconditionFailure("connection lost") }
        defer { freeReplyObject(raw) }
        return Self.read(raw.assumingMemoryBound(to: redisReply.self).pointee)
    }

    /// All commands in one write, all replies in their order.
    func pipeline(_ commands: [[String]]) -> [Reply] {
        for arguments in commands {
            let words = copies(arguments)
            defer { for word in words { free(word) } }
            var pointers: [UnsafePointer<CChar>?] = words.map { UnsafePointer($0) }
            redisAppendCommandArgv(context, Int32(arguments.count), &pointers, nil)
        }
        return commands.map { _ in
            var raw: UnsafeMutableRawPointer?
            guard redisGetReply(context, &raw) == REDIS_OK, let raw else { preconditionFailure("connection lost") }
            defer { freeReplyObject(raw) }
            return Self.read(raw.assumingMemoryBound(to: redisReply.self).pointee)
        }
    }

    @discardableResult
    func callAsFunction(_ arguments: String...) -> Reply { command(arguments) }

    /// A second connection that listens to channels and says nothing else.
    func subscribe(_ channels: [String]) -> Subscriber { Subscriber(socket: folder + "/s", channels: channels) }

    fileprivate static func read(_ reply: redisReply) -> Reply {
        switch reply.type {
        case REDIS_REPLY_INTEGER: .integer(Int(reply.integer))
        case REDIS_REPLY_NIL: .null
        case REDIS_REPLY_ARRAY:
            .list((0..<reply.elements).map { read(reply.element[$0]!.pointee) })
        case REDIS_REPLY_ERROR: .error(text(reply))
        default: .text(text(reply))
        }
    }

    private static func text(_ reply: redisReply) -> String {
        String(decoding: UnsafeRawBufferPointer(start: reply.str, count: Int(reply.len)), as: UTF8.self)
    }
}

/// Listens, so that a PUBLISH has a receiver.
final class Subscriber {
    private static let secondsMax = 10
    private let context: UnsafeMutablePointer<redisContext>
    /// What arrived, `channel payload`.
    private(set) var messages: [(channel: String, text: String)] = []

    fileprivate init(socket: String, channels: [String]) {
        context = redisConnectUnix(socket)
        redisSetTimeout(context, timeval(tv_sec: Self.secondsMax, tv_usec: 0))
        for channel in channels {
            let words = copies(["SUBSCRIBE", channel])
            var pointers: [UnsafePointer<CChar>?] = words.map { UnsafePointer($0) }
            let raw = redisCommandArgv(context, 2, &pointers, nil)
            freeReplyObject(raw)
            for word in words { free(word) }
        }
    }

    deinit { redisFree(context) }

    /// Listens no more; returns when Redis knows.
    func stop() {
        let words = copies(["UNSUBSCRIBE"])
        defer { for word in words { free(word) } }
        var pointers: [UnsafePointer<CChar>?] = words.map { UnsafePointer($0) }
        redisAppendCommandArgv(context, 1, &pointers, nil)
        var raw: UnsafeMutableRawPointer?
        while redisGetReply(context, &raw) == REDIS_OK, let reply = raw {
            defer { freeReplyObject(reply) }
            if TestRedis.read(reply.assumingMemoryBound(to: redisReply.self).pointee).strings.first == "unsubscribe" {
                return
            }
        }
    }

    /// The next message. What a script publishes is there when the script has answered: none means there is none.
    func next() -> (channel: String, text: String) {
        var raw: UnsafeMutableRawPointer?
        guard redisGetReply(context, &raw) == REDIS_OK, let raw else {
            preconditionFailure("nothing was published in \(Self.secondsMax) s")
        }
        defer { freeReplyObject(raw) }
        let parts = TestRedis.read(raw.assumingMemoryBound(to: redisReply.self).pointee).strings
        return (parts[1], parts[2])
    }
}
