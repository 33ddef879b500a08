import EventLoop
import Queue

/// The planted bugs of `Tests/Simulation/mutants.txt`; its head describes the format.
public struct MutantList: Sendable {
    private static let bytesMax = 1_000_000

    public let mutants: [Mutant]
    private let blocks: [Block]

    /// - Parameter path: of the file.
    public static func read(_ path: String) throws(MutantError) -> MutantList {
        guard let text = Files.read(path, bytesMax: bytesMax) else { throw MutantError("\(path) cannot be read") }
        return try MutantList(text)
    }

    public init(_ text: String) throws(MutantError) {
        var blocks = [Block(number: 1)]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.hasPrefix("mutant ") { blocks.append(Block(number: index + 1)) }
            blocks[blocks.count - 1].lines.append(String(line))
        }
        self.blocks = blocks
        var mutants: [Mutant] = []
        for block in blocks {
            guard let mutant = try block.mutant() else { continue }
            if mutants.contains(where: { $0.name == mutant.name }) {
                throw MutantError("line \(block.number): there are two mutants \(mutant.name)")
            }
            mutants.append(mutant)
        }
        self.mutants = mutants
    }

    public func named(_ name: String) throws(MutantError) -> Mutant {
        guard let found = mutants.first(where: { $0.name == name }) else {
            throw MutantError("There is no mutant \(name). There are \(mutants.map(\.name).joined(separator: ", "))")
        }
        return found
    }

    /// The text of the list with what was found; mutants that are not named keep what they have.
    public func recorded(_ deaths: [String: Mutant.Death]) -> String {
        blocks.flatMap { block in
            guard let name = block.name, let death = deaths[name] else { return block.lines }
            return block.recorded(death)
        }.joined(separator: "\n")
    }
}

/// The lines of one mutant, and the blank ones behind it.
private struct Block {
    /// Of its first line in the file.
    let number: Int
    var lines: [String] = []

    init(number: Int) { self.number = number }

    var name: String? {
        guard let first = lines.first, first.hasPrefix("mutant ") else { return nil }
        return first.dropFirst("mutant ".count).split(separator: ":").first.map { $0.trimmed }
    }

    func recorded(_ death: Mutant.Death) -> [String] {
        let behind = lines.reversed().prefix { $0.trimmed.isEmpty || $0.hasPrefix("#") }.count
        let own = lines.dropLast(behind).filter { !$0.hasPrefix("killed ") }
        return own + ["killed \(death.promise) by seed \(death.seed)"] + lines.suffix(behind)
    }

    /// Nil for what stands before the first mutant.
    func mutant() throws(MutantError) -> Mutant? {
        var reading = MutantReading()
        for (index, line) in lines.enumerated() where !line.trimmed.isEmpty && !line.hasPrefix("#") {
            if let wrong = reading.take(line) { throw MutantError("line \(number + index): \(wrong)") }
        }
        switch reading.result() {
        case .none: return nil
        case .mutant(let mutant): return mutant
        case .wrong(let words): throw MutantError("line \(number): \(words)")
        }
    }
}

/// Takes a mutant's lines one after the other.
private struct MutantReading {
    enum Result {
        case none
        case mutant(Mutant)
        case wrong(String)
    }

    private var head: (name: String, words: String)?
    private var origin = ""
    private var changes: [(file: String, text: [String], by: [String])] = []
    private var bug: PlantedBug?
    private var scenario: Scenario?
    private var death: Mutant.Death?

    /// Answers what is wrong with the line, nil for nothing.
    mutating func take(_ line: String) -> String? {
        if line.hasPrefix("-") || line.hasPrefix("+") { return takeText(line) }
        let key = line.prefix { $0 != " " }
        let rest = line.dropFirst(key.count).trimmed
        switch key {
        case "mutant": return takeHead(rest)
        case _ where head == nil: return "a mutant begins with its name: \(line)"
        case "from": origin = rest
        case "in": changes.append((rest, [], []))
        case "plant":
            bug = PlantedBug(rawValue: rest)
            if bug == nil { return "no switch \(rest). There are \(PlantedBug.allCases.map(\.rawValue))" }
        case "scenario":
            scenario = Scenario.all.first { $0.name == rest }
            if scenario == nil { return "no scenario \(rest)" }
        case "killed": return takeDeath(rest)
        default: return "what is this: \(line)"
        }
        return nil
    }

    private mutating func takeHead(_ rest: String) -> String? {
        let parts = rest.split(separator: ":", maxSplits: 1).map { $0.trimmed }
        guard parts.count == 2, !parts[1].isEmpty else { return "a mutant has a name and words: \(rest)" }
        head = (parts[0], parts[1])
        return nil
    }

    private mutating func takeText(_ line: String) -> String? {
        guard !changes.isEmpty else { return "no file is named before: \(line)" }
        let text = String(line.dropFirst())
        if line.hasPrefix("+") {
            changes[changes.count - 1].by.append(text)
        } else {
            guard changes[changes.count - 1].by.isEmpty else { return "a text after its replacement: \(line)" }
            changes[changes.count - 1].text.append(text)
        }
        return nil
    }

    private mutating func takeDeath(_ rest: String) -> String? {
        let words = rest.split(separator: " ")
        guard words.count == 4, words[1] == "by", words[2] == "seed", let seed = UInt64(words[3]) else {
            return "not `killed <promise> by seed <number>`: \(rest)"
        }
        death = Mutant.Death(promise: String(words[0]), seed: seed)
        return nil
    }

    func result() -> Result {
        guard let head else { return .none }
        if origin.isEmpty { return .wrong("\(head.name) comes from nowhere") }
        if changes.isEmpty == (bug == nil) { return .wrong("\(head.name) needs either a text or a switch") }
        for change in changes where change.text.isEmpty || change.by.isEmpty {
            return .wrong("\(head.name) needs a text in \(change.file) and its replacement")
        }
        let known = Set(ScriptLibrary.files)
        for change in changes where !known.contains(change.file) {
            return .wrong("\(head.name): there is no \(change.file).lua")
        }
        return .mutant(
            Mutant(
                name: head.name, words: head.words, origin: origin,
                changes: changes.map {
                    Mutant.Change(
                        file: $0.file, text: $0.text.joined(separator: "\n"), by: $0.by.joined(separator: "\n"))
                }, bug: bug, scenario: scenario, death: death))
    }
}

extension StringProtocol {
    fileprivate var trimmed: String {
        let rest = drop { $0 == " " }
        return String(rest.prefix(rest.count - rest.reversed().prefix { $0 == " " }.count))
    }
}
