import CLua
import EventLoop
import RedisClient

/// One Lua state with the scripts compiled, and the way from their `redis.call` to the commands.
final class LuaHost {
    private struct Script {
        /// Where Lua keeps the function.
        let reference: Int32
        let isReadOnly: Bool
        let runsWhenFull: Bool
    }

    private let state: OpaquePointer
    private let address: UnsafeMutablePointer<clua_host>
    private let environment: Int32
    private var scripts: [String: Script] = [:]
    private let space: Keyspace
    let chance: Chance
    private let commands = Command.all
    /// A command's name has its number.
    private let names = Symbols()
    private var words: UnsafeMutablePointer<Bytes>
    private var wordsMax = 64
    /// Numbers among a command's words, spelled.
    private var digits: UnsafeMutablePointer<UInt8>
    private let reply: LuaReply

    var now: Int64 = 0
    var onPublish: ((String, [UInt8]) -> Int)?
    var isFull = false
    var failAtCall: Int?
    private(set) var calls = 0
    private(set) var wroteBeforeFailure = false
    private var isReadOnly = false
    private var isRunning = false
    /// Lua's memory as it is now is what it is put back to.
    private var isSealed = false

    init(space: Keyspace, chance: Chance) {
        (self.space, self.chance) = (space, chance)
        state = clua_new()
        address = .allocate(capacity: 1)
        words = .allocate(capacity: wordsMax)
        digits = .allocate(capacity: wordsMax * Numbers.bytesMax)
        reply = LuaReply(state: state, buffer: .allocate(capacity: Numbers.bytesMax))
        clua_open(state, address)
        Prelude.run(state)
        clua_push_environment(state)
        environment = luaL_ref(state, LUA_REGISTRYINDEX)
        for command in commands {
            _ = names.intern(Bytes(base: command.name.utf8Start, count: command.name.utf8CodeUnitCount))
        }
        let context = Unmanaged.passUnretained(self).toOpaque()
        let perform: clua_perform = { context, _ in
            Unmanaged<LuaHost>.fromOpaque(context!).takeUnretainedValue().perform()
        }
        address.initialize(to: clua_host(perform: perform, context: context))
    }

    deinit {
        clua_close(state)
        address.deallocate()
        words.deallocate()
        digits.deallocate()
        reply.buffer.deallocate()
    }

    // MARK: - Scripts

    /// Its first line says what it may do; Redis reads it away and keeps its end, so that line numbers hold.
    func load(_ name: String, _ source: [UInt8]) {
        if isSealed { clua_rewind(state, 1) }
        isSealed = false
        let isDeclared = source.starts(with: Array("#!".utf8))
        let end = isDeclared ? source.firstIndex(of: UInt8(ascii: "\n")) ?? source.count : 0
        let first = String(decoding: source[..<end], as: UTF8.self)
        let flags = first.split(separator: "=").dropFirst().first?.split(separator: ",") ?? []
        let failed = source[end...].withUnsafeBytes { body in
            luaL_loadbuffer(state, body.baseAddress?.assumingMemoryBound(to: CChar.self), body.count, "@user_script")
        }
        precondition(failed == 0, "\(name) does not compile: \(text(-1))")
        lua_rawgeti(state, LUA_REGISTRYINDEX, environment)
        lua_setfenv(state, -2)
        if let before = scripts[name] { luaL_unref(state, LUA_REGISTRYINDEX, before.reference) }
        scripts[name] = Script(
            reference: luaL_ref(state, LUA_REGISTRYINDEX), isReadOnly: flags.contains("no-writes"),
            runsWhenFull: flags.contains("allow-oom") || flags.contains("no-writes") || !isDeclared)
    }

    func run(_ name: String, _ keys: [[UInt8]], _ arguments: [[UInt8]]) -> RedisReply {
        precondition(!isRunning, "a script is called while one runs")
        guard let script = scripts[name] else { return .error("NOSCRIPT No matching script. Please use EVAL.") }
        guard !isFull || script.runsWhenFull else {
            return .error(
                "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'")
        }
        (isRunning, isReadOnly, calls, wroteBeforeFailure) = (true, script.isReadOnly, 0, false)
        if !isSealed {
            clua_seal(state)
            isSealed = true
        }
        space.begin()
        clua_push_trace(state)
        lua_rawgeti(state, LUA_REGISTRYINDEX, script.reference)
        give("KEYS", keys)
        give("ARGV", arguments)
        let failed = lua_pcall(state, 0, 1, 1) != 0
        if failed { wroteBeforeFailure = space.hasWritten }
        let answer = failed ? failure(name) : value(depth: 0)
        lua_settop(state, 0)
        clua_rewind(state, 0)
        space.end()
        (isRunning, failAtCall) = (false, nil)
        return answer
    }

    private func give(_ global: StaticString, _ texts: [[UInt8]]) {
        lua_createtable(state, Int32(texts.count), 0)
        for (index, text) in texts.enumerated() {
            text.withUnsafeBufferPointer { buffer in Bytes.of(buffer) { reply.bytes($0) } }
            lua_rawseti(state, -2, Int32(index + 1))
        }
        lua_setfield(
            state, LUA_GLOBALSINDEX, UnsafeRawPointer(global.utf8Start).assumingMemoryBound(to: CChar.self))
    }

    // MARK: - What a script returns

    private func text(_ index: Int32) -> String {
        var count = 0
        guard let base = lua_tolstring(state, index, &count) else { return "" }
        return String(decoding: UnsafeRawBufferPointer(start: base, count: count), as: UTF8.self)
    }

    private func field(_ name: String) -> String? {
        lua_getfield(state, -1, name)
        defer { lua_settop(state, -2) }
        return lua_isstring(state, -1) != 0 ? text(-1) : nil
    }

    private func failure(_ name: String) -> RedisReply {
        let words = field("err") ?? "ERR unknown error"
        guard let source = field("source"), let line = field("line") else { return .error(oneLine(words)) }
        return .error(oneLine("\(words) script: \(name), on \(source):\(line)."))
    }

    private func oneLine(_ words: String) -> String {
        String(decoding: words.utf8.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }, as: UTF8.self)
    }

    /// What is on top, as Redis tells it to a client.
    private func value(depth: Int) -> RedisReply {
        switch lua_type(state, -1) {
        case LUA_TSTRING:
            var count = 0
            let base = lua_tolstring(state, -1, &count)
            return .bulk(Array(UnsafeRawBufferPointer(start: base, count: count)))
        case LUA_TNUMBER:
            let number = lua_tonumber(state, -1)
            return .integer(Int64(exactly: number.rounded(.towardZero)) ?? .min)
        case LUA_TBOOLEAN: return lua_toboolean(state, -1) != 0 ? .integer(1) : .null
        case LUA_TTABLE: return table(depth: depth)
        default: return .null
        }
    }

    private func table(depth: Int) -> RedisReply {
        guard depth < 1_000, lua_checkstack(state, 4) != 0 else { return .error("ERR reached lua stack limit") }
        if let words = field("err") { return .error(oneLine(words)) }
        if let word = field("ok") { return .status(oneLine(word)) }
        var elements: [RedisReply] = []
        while true {
            lua_rawgeti(state, -1, Int32(elements.count + 1))
            defer { lua_settop(state, -2) }
            if lua_type(state, -1) == LUA_TNIL { return .array(elements) }
            elements.append(value(depth: depth + 1))
        }
    }

    // MARK: - What a script calls

    /// - Returns: 1 with the reply on the stack's top, -1 with an error there.
    private func perform() -> Int32 {
        calls += 1
        do throws(CommandError) {
            guard calls != failAtCall else { throw CommandError("an injected error") }
            let count = try read()
            guard let number = command(words[0]) else {
                throw CommandError("Unknown Redis command called from script")
            }
            guard commands[number].takes(count) else {
                throw CommandError("Wrong number of args calling Redis command from script")
            }
            guard !isReadOnly || !commands[number].writes else {
                throw CommandError("Write commands are not allowed from read-only scripts.")
            }
            try commands[number].run(Call(words: words, count: count, space: space, reply: reply, host: self))
            return 1
        } catch {
            reply.error(error.words)
            return -1
        }
    }

    private func command(_ name: Bytes) -> Int? {
        let symbol = names.find(name)
        if symbol != Symbols.none { return Int(symbol) }
        let loud = name.text.uppercased()
        let again = Bytes.of(loud) { names.find($0) }
        return again == Symbols.none ? nil : Int(again)
    }

    /// The words of the command, from the stack; they stay there while it runs.
    private func read() throws(CommandError) -> Int {
        let count = Int(lua_gettop(state))
        guard count > 0 else { throw CommandError("Please specify at least one argument for this redis.call() call") }
        if count > wordsMax { widen(count) }
        for index in 0..<count {
            switch lua_type(state, Int32(index + 1)) {
            case LUA_TSTRING:
                var length = 0
                let base = lua_tolstring(state, Int32(index + 1), &length)!
                words[index] = Bytes(
                    base: UnsafeRawPointer(base).assumingMemoryBound(to: UInt8.self), count: length)
            case LUA_TNUMBER:
                words[index] = Numbers.spell(
                    lua_tonumber(state, Int32(index + 1)), digits + index * Numbers.bytesMax)
            default:
                throw CommandError("Lua redis lib command arguments must be strings or integers")
            }
        }
        return count
    }

    private func widen(_ count: Int) {
        words.deallocate()
        digits.deallocate()
        wordsMax = count * 2
        words = .allocate(capacity: wordsMax)
        digits = .allocate(capacity: wordsMax * Numbers.bytesMax)
    }
}
