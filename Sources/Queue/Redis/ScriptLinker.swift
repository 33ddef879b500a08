/// Joins a verb with the definitions of the shared parts that it uses, directly or through other definitions.
///
/// Redis runs a script from its first line at each call. So a definition costs a third of a microsecond even if nothing
/// calls it, and all definitions together cost more than a grant. Also, Lua allows only 200 local names per function.
///
/// Each word in a definition (see `LuaFile`) counts as a use of that name, except fields and quoted text. If a word only
/// looks like a name, an unneeded definition is included. A used name is always included. A test checks that no
/// variable has a definition's name.
///
/// Named numbers (`local NAME = 12`) are replaced by their values, because Lua allocates an object at each call for a
/// local that an inner function uses.
///
/// The first parts, which most definitions use, are outside, and all other parts are in a function. The reason: when Lua
/// creates a closure, it searches a list for each local that the closure uses from the function directly around it. A local
/// from further out needs no search. Not all parts can have a function of their own, because a function uses at most 60
/// locals of those around it.
///
/// A line `--@seldom` marks the next function of a part or verb as seldom called. Such a function contains the
/// definitions that only such functions use: functions, and tables of only functions. A call that does not run the
/// function does not create them; a call that runs it creates them each time. If several such functions use a
/// definition, each contains a copy.
///
/// Each start of a process links its scripts, also in debug builds, which the tests start a thousand times. So files are
/// read as bytes, each once.
struct ScriptLinker {
    private struct Definition {
        var names: [String]
        /// Its first line, and the others, with numbers instead of their names.
        var head: [UInt8] = []
        var rest: [UInt8] = []
        /// The definitions that it uses, by index.
        var uses: Set<Int> = []
        var isOuter = false
        var isSeldom: Bool

        var isFunction: Bool { head.starts(with: "local function ".utf8) || head.starts(with: "function ".utf8) }
        var isEmptyTable: Bool { rest.isEmpty && head.suffix(6).elementsEqual(" = {}\n".utf8) }
    }

    /// The definitions of each name, and the numbers.
    private struct Names {
        private(set) var definers: [String: [Int]] = [:]
        private var numbers: [String: [UInt8]] = [:]
        /// Whether a name with this hash is known. Most words of a script are not, and to look each one up takes long.
        private var hasHash = [Bool](repeating: false, count: LuaFile.hashCount)

        /// Adds the definitions of a file, the first of which gets this index.
        mutating func add(_ file: LuaFile, at index: Int) {
            for (offset, piece) in file.pieces.enumerated() {
                for name in piece.names {
                    definers[name, default: []].append(index + offset)
                    hasHash[LuaFile.hash(name)] = true
                }
            }
            for (name, digits) in file.numbers {
                numbers[name] = digits
                hasHash[LuaFile.hash(name)] = true
            }
        }

        func definitions(of file: LuaFile, areOuter: Bool = false) -> [Definition] {
            file.bytes.withUnsafeBufferPointer { bytes in
                file.pieces.map { piece in
                    var definition = Definition(
                        names: piece.names, isOuter: areOuter, isSeldom: piece.isSeldom)
                    read(piece.lines[0], of: bytes, into: &definition.head, &definition.uses)
                    for line in piece.lines.dropFirst() {
                        read(line, of: bytes, into: &definition.rest, &definition.uses)
                    }
                    return definition
                }
            }
        }

        private func read(
            _ line: Range<Int>, of bytes: UnsafeBufferPointer<UInt8>, into text: inout [UInt8], _ uses: inout Set<Int>
        ) {
            var copied = line.lowerBound
            LuaFile.forEachWord(in: line, of: bytes) { word, hash, isField in
                guard hasHash[hash] else { return }
                let name = LuaFile.text(word, of: bytes)
                if let digits = numbers[name] {
                    text += UnsafeBufferPointer(rebasing: bytes[copied..<word.lowerBound])
                    text += digits
                    copied = word.upperBound
                } else if !isField {
                    uses.formUnion(definers[name] ?? [])
                }
            }
            text += UnsafeBufferPointer(rebasing: bytes[copied..<line.upperBound])
            text.append(UInt8(ascii: "\n"))
        }
    }

    private var names = Names()
    private var definitions: [Definition] = []

    /// - Parameter parts: ordered so that a part uses only earlier ones.
    /// - Parameter outer: how many of the first parts are outside of the function that has the others.
    init(parts: [String], outer: Int) {
        let files = parts.map(LuaFile.init)
        var count = 0
        for file in files {
            names.add(file, at: count)
            count += file.pieces.count
        }
        for (index, file) in files.enumerated() {
            definitions += names.definitions(of: file, areOuter: index < outer)
        }
    }

    /// The verb's script: the definitions that the verb uses, in their order, then the verb in a function of its own,
    /// which may have 200 local names.
    func join(_ verb: String) -> [UInt8] {
        let file = LuaFile(verb)
        var names = names
        names.add(file, at: definitions.count)
        let body = names.definitions(of: file)
        let script = Script(all: definitions + body, definers: names.definers)
        let outside = script.outside(ofVerb: script.all.indices.suffix(body.count))
        func text(_ isIn: (Int) -> Bool) -> [UInt8] {
            outside.filter(isIn).sorted().reduce(into: []) { $0 += script.text($1, within: outside) }
        }
        return text { script.all[$0].isOuter } + "return (function()\n".utf8
            + text { !script.all[$0].isOuter && $0 < definitions.count }
            + "return (function()\n".utf8 + text { $0 >= definitions.count } + "end)()\nend)()\n".utf8
    }

    /// The definitions of all parts, then those of one verb.
    private struct Script {
        let all: [Definition]
        let definers: [String: [Int]]

        /// The definitions that are outside of all seldom functions.
        func outside(ofVerb body: Range<Int>) -> Set<Int> {
            let start = body.filter { !all[$0].isSeldom }
            let staying = reached(from: start, throughSeldom: true).filter { !body.contains($0) && !mayMove($0) }
            return reached(from: start + staying)
        }

        /// The lines of a definition. A seldom function also contains what it uses and `around` does not have.
        func text(_ index: Int, within around: Set<Int>) -> [UInt8] {
            let definition = all[index]
            guard definition.isSeldom else { return definition.head + definition.rest }
            let inside = reached(from: definition.uses).subtracting(around)
            let known = around.union(inside)
            return inside.sorted().reduce(into: definition.head) { $0 += text($1, within: known) } + definition.rest
        }

        /// The definitions reached from `start`, directly or through others. Without `throughSeldom`, those that only
        /// seldom functions use are left out.
        private func reached(from start: some Sequence<Int>, throughSeldom: Bool = false) -> Set<Int> {
            var found: Set<Int> = []
            var next = Array(start)
            while let index = next.popLast() {
                guard found.insert(index).inserted, throughSeldom || !all[index].isSeldom else { continue }
                next += all[index].uses
            }
            return found
        }

        /// Whether a definition may move into a seldom function. It may if it keeps no state between calls of that
        /// function.
        private func mayMove(_ index: Int) -> Bool {
            let namesakes = all[index].names.flatMap { definers[$0] ?? [] }
            let isTableOfFunctions =
                all[index].isEmptyTable && namesakes.count > 1
                && namesakes.allSatisfy { $0 == index || all[$0].isFunction }
            return !all[index].isOuter && (all[index].isFunction || isTableOfFunctions)
        }
    }
}
