/// Joins a verb with those definitions of the shared parts that it uses, by itself or through others.
///
/// Redis runs a script from its first line at each call: a definition costs a third of a microsecond even where nobody
/// calls it, and all of them cost more than a grant. Lua gives a function 200 local names besides.
///
/// A part is a row of definitions, each from a line that begins with `local` or `function` to the next such line; what
/// it uses are the words in it, but for fields and what is quoted. A word that only looks like a name takes its definition
/// along for nothing; a name that is used is never left out. A test sees that no variable has a definition's name.
///
/// Numbers with a name of their own (`local NAME = 12`) stand where they are used: a function that takes a
/// local of another's along makes an object of it at each call.
///
/// The first part stands in a function around all others: Lua looks for what a closure takes from its own function among all
/// that was taken there so far, and finds at once what comes from further out.
///
/// A function after the line `--@seldom`, of a part or of a verb, gets inside it what only such functions use: functions,
/// and tables of nothing but functions. A call that does not come there defines none of that; one that does defines it
/// each time. What several such functions use is in each of them.
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
    /// By definition: those it uses.
    private var uses: [[Int]] = []
    private var numbers: [Substring: Substring] = [:]

    /// - Parameter parts: in the order in which later ones use earlier ones.
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

    /// The verb as a function of its own, for its own 200 names, after what it uses of the parts in their order.
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

        /// What stands in no seldom function.
        func outside(ofVerb body: Range<Int>) -> Set<Int> {
            let start = body.filter { !all[$0].isSeldom }
            let staying = reached(from: start, throughSeldom: true).filter { !body.contains($0) && !mayMove($0) }
            return reached(from: start + staying)
        }

        /// A definition's lines; those of a seldom function with what it needs besides what is around it.
        func text(_ index: Int, within around: Set<Int>) -> [Substring] {
            guard all[index].isSeldom else { return all[index].text }
            let inside = reached(from: uses[index]).subtracting(around)
            let known = around.union(inside)
            return all[index].text.prefix(1) + inside.sorted().flatMap { text($0, within: known) }
                + all[index].text.dropFirst()
        }

        /// What is used, by itself or through others; without `throughSeldom` not what only seldom functions use.
        private func reached(from start: [Int], throughSeldom: Bool = false) -> Set<Int> {
            var found: Set<Int> = []
            var next = start
            while let index = next.popLast() {
                guard found.insert(index).inserted, throughSeldom || !all[index].isSeldom else { continue }
                next += uses[index]
            }
            return found
        }

        /// Whether it keeps nothing from one call of a function around it to the next.
        private func mayMove(_ index: Int) -> Bool {
            let namesakes = all[index].names.flatMap { definers[$0] ?? [] }
            let isTableOfFunctions =
                all[index].isEmptyTable && namesakes.count > 1
                && namesakes.allSatisfy { $0 == index || all[$0].isFunction }
            return !all[index].isOfFirstPart && (all[index].isFunction || isTableOfFunctions)
        }
    }

    /// The verb in pieces: each function that is seldom called, and what stands between them.
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

    /// `local NAME = 12`: that name and that number.
    private static func namedNumber(_ line: Substring) -> (Substring, Substring)? {
        let words = line.split(separator: " ")
        guard words.count == 4, words[0] == "local", words[2] == "=", words[3].allSatisfy(\.isNumber),
            words[1].allSatisfy({ $0.isUppercase || $0.isNumber || $0 == "_" })
        else { return nil }
        return (words[1], words[3])
    }

    /// The line with numbers in the place of their names, but for those in quotes.
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

    /// `local function name(`, `function name.field(`: name; `local one, other = …`: both.
    private static func names(_ line: Substring) -> Set<Substring> {
        let words = words(line.prefix { $0 != "=" })
        guard let function = words.firstIndex(of: "function") else { return Set(words.dropFirst()) }
        return Set(words[(function + 1)...].prefix(1))
    }

    private static func words(of lines: [Substring]) -> Set<Substring> {
        lines.reduce(into: []) { words, line in if !isComment(line) { words.formUnion(self.words(line)) } }
    }

    /// The words of a line but for fields (`s.state`) and strings, which stand in single quotes.
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
