import CLua

/// Puts a command's reply on Lua's stack, as scripts see replies: a number, a string, a table; false for nothing.
struct LuaReply {
    let state: OpaquePointer
    /// Of `Numbers.bytesMax` bytes.
    let buffer: UnsafeMutablePointer<UInt8>

    func integer(_ number: Int) { lua_pushnumber(state, Double(number)) }
    func integer(_ number: Int64) { lua_pushnumber(state, Double(number)) }
    func flag(_ holds: Bool) { lua_pushnumber(state, holds ? 1 : 0) }
    func nothing() { lua_pushboolean(state, 0) }

    func bytes(_ bytes: Bytes) {
        lua_pushlstring(state, UnsafeRawPointer(bytes.base).assumingMemoryBound(to: CChar.self), bytes.count)
    }

    /// A score or a big number: a string for scripts too.
    func spelled(_ number: Double) { bytes(Numbers.spell(number, buffer)) }
    func spelled(_ number: Int64) { bytes(Numbers.spell(number, buffer)) }

    func status(_ word: StaticString) {
        lua_createtable(state, 0, 1)
        lua_pushstring(state, UnsafeRawPointer(word.utf8Start).assumingMemoryBound(to: CChar.self))
        lua_setfield(state, -2, "ok")
    }

    /// Then each element: its value, then `element(_:)`.
    func array(_ count: Int) { lua_createtable(state, Int32(count), 0) }

    /// What is on top becomes this element, counted from 1, of the array below.
    func element(_ index: Int) { lua_rawseti(state, -2, Int32(index)) }

    func error(_ words: String) {
        lua_createtable(state, 0, 1)
        Bytes.of(words) { bytes($0) }
        lua_setfield(state, -2, "err")
    }
}
