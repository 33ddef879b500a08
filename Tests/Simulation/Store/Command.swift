/// What a command raises: the words of Redis, the code first.
struct CommandError: Error {
    let words: String

    init(_ words: String) { self.words = "ERR " + words }

    private init(code: String) { words = code }

    static let wrongType = CommandError(code: "WRONGTYPE Operation against a key holding the wrong kind of value")
    static let syntax = CommandError("syntax error")
    static let notInteger = CommandError("value is not an integer or out of range")
    static let notFloat = CommandError("value is not a valid float")
    static let overflow = CommandError("increment or decrement would overflow")
    static let notPositive = CommandError("value is out of range, must be positive")
}

/// One command of a script: its words, and where its reply goes. Borrowed for the call.
struct Call {
    let words: UnsafeMutablePointer<Bytes>
    /// With the command's name.
    let count: Int
    let space: Keyspace
    let reply: LuaReply
    let host: LuaHost

    @inline(__always) subscript(index: Int) -> Bytes { words[index] }

    /// The value under a key of the kind that the command is for.
    func find(_ kind: Kind, at index: Int = 1) throws(CommandError) -> StoredValue? {
        try check(space.find(words[index]), kind)
    }

    /// The same for a command that will write there.
    func open(_ kind: Kind) throws(CommandError) -> (key: Symbol, value: StoredValue?) {
        let key = space.symbols.intern(words[1])
        return (key, try check(space.value(key), kind))
    }

    private func check(_ value: StoredValue?, _ kind: Kind) throws(CommandError) -> StoredValue? {
        guard value == nil || value!.kind == kind else { throw .wrongType }
        return value
    }

    func integer(_ index: Int) throws(CommandError) -> Int64 {
        guard let number = Numbers.integer(words[index]) else { throw .notInteger }
        return number
    }

    /// Whether the word is this one, in whatever case.
    func says(_ index: Int, _ option: StaticString) -> Bool {
        let word = words[index]
        guard word.count == option.utf8CodeUnitCount else { return false }
        for at in 0..<word.count where word[at] & 0xDF != option.utf8Start[at] { return false }
        return true
    }

    func wrongCount(_ name: String) -> CommandError {
        CommandError("wrong number of arguments for '\(name)' command")
    }
}

struct Command {
    let name: StaticString
    /// Words with the name: exactly so many, or, where negative, at least.
    let arity: Int
    let writes: Bool
    let run: (Call) throws(CommandError) -> Void

    init(_ name: StaticString, _ arity: Int, writes: Bool = false, _ run: @escaping (Call) throws(CommandError) -> Void)
    {
        (self.name, self.arity, self.writes, self.run) = (name, arity, writes, run)
    }

    func takes(_ count: Int) -> Bool { arity >= 0 ? count == arity : count >= -arity }

    static var all: [Command] { ofServer + ofKeys + ofStrings + ofHashes + ofSets + ofRanked + ofRanges }
}

/// What Redis leaves to chance: here one seed decides.
final class Chance {
    private var state: UInt64 = 0
    /// Where the order of a set or hash starts that is nobody's to rely on.
    private(set) var salt: UInt64 = 0

    func start(_ seed: UInt64) {
        state = seed
        salt = next()
    }

    func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return stir(state)
    }

    func below(_ bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }
}
