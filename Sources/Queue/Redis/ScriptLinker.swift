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
struct ScriptLinker {
    private struct Definition {
        var names: Set<Substring>
        var text: [Substring]
        var words: Set<Substring> = []
        let isOfFirstPart: Bool
    }

    private var definitions: [Definition] = []
    private var numbers: [Substring: Substring] = [:]

    /// - Parameter parts: in the order in which later ones use earlier ones.
    init(parts: [String]) {
        for line in parts.flatMap({ $0.split(separator: "\n") }) {
            if let (name, number) = Self.namedNumber(line) { numbers[name] = number }
        }
        for (index, part) in parts.enumerated() {
            for line in part.split(separator: "\n") where !Self.isComment(line) && Self.namedNumber(line) == nil {
                let line = inlined(line)
                if line.hasPrefix("local ") || line.hasPrefix("function ") {
                    definitions.append(Definition(names: Self.names(line), text: [line], isOfFirstPart: index == 0))
                } else if !definitions.isEmpty {
                    definitions[definitions.count - 1].text.append(line)
                }
            }
        }
        for index in definitions.indices {
            for line in definitions[index].text { definitions[index].words.formUnion(Self.words(line)) }
        }
    }

    /// The verb as a function of its own, for its own 200 names, after what it uses of the parts in their order.
    func join(_ verb: String) -> String {
        let verb = verb.split(separator: "\n", omittingEmptySubsequences: false).map(inlined).joined(separator: "\n")
        var used: Set<Substring> = []
        for line in verb.split(separator: "\n") where !Self.isComment(line) { used.formUnion(Self.words(line)) }
        var isTaken = Array(repeating: false, count: definitions.count)
        // Who uses comes after what is used: one pass backwards finds all, but for a table that is filled later on.
        var before = -1
        var count = 0
        while count != before {
            before = count
            for index in definitions.indices.reversed() where !isTaken[index] {
                if !definitions[index].names.isDisjoint(with: used) {
                    isTaken[index] = true
                    count += 1
                    used.formUnion(definitions[index].words)
                }
            }
        }
        func text(ofFirstPart: Bool) -> String {
            zip(definitions, isTaken).filter { $0.isOfFirstPart == ofFirstPart && $1 }
                .flatMap(\.0.text).map { $0 + "\n" }.joined()
        }
        return text(ofFirstPart: true) + "return (function()\n" + text(ofFirstPart: false)
            + "return (function()\(verb)\nend)()\nend)()\n"
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
