/// Joins a verb with the definitions of the shared parts that it uses, directly or through other definitions.
///
/// Redis runs a script from its first line at each call. So a definition costs a third of a microsecond even if nothing
/// calls it, and all definitions together cost more than a grant. Also, Lua allows only 200 local names per function.
///
/// A part is a list of definitions. A definition begins at a line that starts with `local` or `function`, and ends
/// before the next such line. Each word in a definition counts as a use of that name, except fields and quoted text. If
/// a word only looks like a name, an unneeded definition is included. A used name is always included. A test checks
/// that no variable has a definition's name.
///
/// Named numbers (`local NAME = 12`) are replaced by their values, because Lua allocates an object at each call for a
/// local that an inner function uses.
///
/// All parts but the first are inside a function, and the first part is outside of it. The reason: when Lua creates a
/// closure, it searches a list for each local that the closure uses from the function directly around it. A local from
/// further out needs no search.
///
/// A line `--@seldom` marks the next function of a part or verb as seldom called. Such a function contains the
/// definitions that only such functions use: functions, and tables of only functions. A call that does not run the
/// function does not create them; a call that runs it creates them each time. If several such functions use a
/// definition, each contains a copy.
struct ScriptLinker {
    private struct Definition {
        var names: Set<Substring> = []
        var text: [Substring] = []
        var isOfFirstPart = false
        var isSeldom = false

        var isFunction: Bool { text[0].hasPrefix("local function ") || text[0].hasPrefix("function ") }
        var isEmptyTable: Bool { text[0].hasSuffix(" = {}") && text.count == 1 }
    }

    private static let seldom: Substring = "--@seldom"

    private var definitions: [Definition] = []
    private var definers: [Substring: [Int]] = [:]
    /// The definitions that each definition uses, by index.
    private var uses: [[Int]] = []
    private var numbers: [Substring: Substring] = [:]

    /// - Parameter parts: ordered so that a part uses only earlier ones.
    init(parts: [String]) {
        for line in parts.flatMap({ $0.split(separator: "\n") }) {
            if let (name, number) = Self.namedNumber(line) { numbers[name] = number }
        }
        for (index, part) in parts.enumerated() {
            var isSeldom = false
            for line in part.split(separator: "\n") where Self.namedNumber(line) == nil {
                if line == Self.seldom {
                    isSeldom = true
                } else if Self.isComment(line) {
                    continue
                } else if line.hasPrefix("local ") || line.hasPrefix("function ") {
                    let line = inlined(line)
                    definitions.append(
                        Definition(names: Self.names(line), text: [line], isOfFirstPart: index == 0, isSeldom: isSeldom)
                    )
                    isSeldom = false
                } else if !definitions.isEmpty {
                    definitions[definitions.count - 1].text.append(inlined(line))
                }
            }
        }
        for (index, definition) in definitions.enumerated() {
            for name in definition.names { definers[name, default: []].append(index) }
        }
        uses = definitions.map { Self.words(of: $0.text).flatMap { definers[$0] ?? [] } }
    }

    /// The verb's script: the definitions that the verb uses, in their order, then the verb in a function of its own,
    /// which may have 200 local names.
    func join(_ verb: String) -> String {
        let body = pieces(verb)
        var definers = definers
        for (index, piece) in body.enumerated() {
            for name in piece.names { definers[name] = [definitions.count + index] }
        }
        let script = Script(
            all: definitions + body,
            uses: uses + body.map { Self.words(of: $0.text).flatMap { definers[$0] ?? [] } }, definers: definers)
        let outside = script.outside(ofVerb: script.all.indices.suffix(body.count))
        func text(_ isIn: (Int) -> Bool) -> String {
            outside.filter(isIn).sorted().flatMap { script.text($0, within: outside) }.map { $0 + "\n" }.joined()
        }
        return text { script.all[$0].isOfFirstPart } + "return (function()\n"
            + text { !script.all[$0].isOfFirstPart && $0 < definitions.count }
            + "return (function()\(text { $0 >= definitions.count })end)()\nend)()\n"
    }

    /// The definitions of all parts, then the pieces of one verb.
    private struct Script {
        let all: [Definition]
        let uses: [[Int]]
        let definers: [Substring: [Int]]

        /// The definitions that are outside of all seldom functions.
        func outside(ofVerb body: Range<Int>) -> Set<Int> {
            let start = body.filter { !all[$0].isSeldom }
            let staying = reached(from: start, throughSeldom: true).filter { !body.contains($0) && !mayMove($0) }
            return reached(from: start + staying)
        }

        /// The lines of a definition. A seldom function also contains what it uses and `around` does not have.
        func text(_ index: Int, within around: Set<Int>) -> [Substring] {
            guard all[index].isSeldom else { return all[index].text }
            let inside = reached(from: uses[index]).subtracting(around)
            let known = around.union(inside)
            return all[index].text.prefix(1) + inside.sorted().flatMap { text($0, within: known) }
                + all[index].text.dropFirst()
        }

        /// The definitions reached from `start`, directly or through others. Without `throughSeldom`, those that only
        /// seldom functions use are left out.
        private func reached(from start: [Int], throughSeldom: Bool = false) -> Set<Int> {
            var found: Set<Int> = []
            var next = start
            while let index = next.popLast() {
                guard found.insert(index).inserted, throughSeldom || !all[index].isSeldom else { continue }
                next += uses[index]
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
            return !all[index].isOfFirstPart && (all[index].isFunction || isTableOfFunctions)
        }
    }

    /// The verb in pieces: each seldom function, and the text between them.
    private func pieces(_ verb: String) -> [Definition] {
        var pieces = [Definition()]
        for line in verb.split(separator: "\n", omittingEmptySubsequences: false).map(inlined) {
            if pieces[pieces.count - 1].isSeldom && pieces[pieces.count - 1].text.last == "end" {
                pieces.append(Definition())
            }
            if line == Self.seldom {
                pieces.append(Definition(isSeldom: true))
            } else if !pieces[pieces.count - 1].isSeldom || !Self.isComment(line) {
                pieces[pieces.count - 1].text.append(line)
            }
        }
        for index in pieces.indices where pieces[index].isSeldom {
            pieces[index].names = Self.names(pieces[index].text[0])
        }
        return pieces
    }

    /// Reads `local NAME = 12`: the name and the number.
    private static func namedNumber(_ line: Substring) -> (Substring, Substring)? {
        let words = line.split(separator: " ")
        guard words.count == 4, words[0] == "local", words[2] == "=", words[3].allSatisfy(\.isNumber),
            words[1].allSatisfy({ $0.isUppercase || $0.isNumber || $0 == "_" })
        else { return nil }
        return (words[1], words[3])
    }

    /// Replaces the names of numbers by their values, except in quotes.
    private func inlined(_ line: Substring) -> Substring {
        Substring(
            line.split(separator: "'", omittingEmptySubsequences: false).enumerated().map { offset, piece in
                guard offset.isMultiple(of: 2) else { return String(piece) }
                var text = ""
                var rest = piece.utf8[...]
                while let first = rest.first {
                    let run = rest.prefix { Self.isOfWord($0) == Self.isOfWord(first) }
                    text += numbers[Substring(run)] ?? Substring(run)
                    rest = rest[run.endIndex...]
                }
                return text
            }.joined(separator: "'"))
    }

    private static func isComment(_ line: Substring) -> Bool { line.drop { $0 == " " }.hasPrefix("--") }

    /// The names that a line defines. `local function name(`, `function name.field(`: name; `local one, other = …`:
    /// both.
    private static func names(_ line: Substring) -> Set<Substring> {
        let words = words(line.prefix { $0 != "=" })
        guard let function = words.firstIndex(of: "function") else { return Set(words.dropFirst()) }
        return Set(words[(function + 1)...].prefix(1))
    }

    private static func words(of lines: [Substring]) -> Set<Substring> {
        lines.reduce(into: []) { words, line in if !isComment(line) { words.formUnion(self.words(line)) } }
    }

    /// The words of a line, without fields (`s.state`) and strings, which are in single quotes.
    private static func words(_ line: Substring) -> [Substring] {
        line.split(separator: "'", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset.isMultiple(of: 2) }.flatMap { words(outsideStrings: $0.element) }
    }

    private static func words(outsideStrings line: Substring) -> [Substring] {
        var found: [Substring] = []
        var rest = line.utf8[...]
        while let start = rest.firstIndex(where: isOfWord) {
            let word = rest[start...].prefix(while: isOfWord)
            let before = rest[..<start].suffix(2)
            if before.last != UInt8(ascii: ".") || before.first == UInt8(ascii: ".") && before.count == 2 {
                found.append(Substring(word))
            }
            rest = rest[word.endIndex...]
        }
        return found
    }

    private static func isOfWord(_ byte: UInt8) -> Bool {
        let isDigit = byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
        let isLetter = (byte | 0x20) >= UInt8(ascii: "a") && (byte | 0x20) <= UInt8(ascii: "z")
        return isLetter || isDigit || byte == UInt8(ascii: "_")
    }
}
