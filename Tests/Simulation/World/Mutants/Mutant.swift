import EventLoop
import Queue
import RedisClient

/// A bug planted on purpose. The simulator must find it; else a checker or the draw of faults is weak.
public struct Mutant: Sendable {
    /// A text of the shipped scripts and what is put in its place.
    public struct Change: Sendable {
        /// A script or a shared part, its file's name without `.lua`.
        public let file: String
        /// Stands there once.
        public let text: String
        public let by: String

        public init(file: String, text: String, by: String) {
            self.file = file
            self.text = text
            self.by = by
        }
    }

    /// Who found it.
    public struct Death: Hashable, Sendable {
        /// The promise that was seen broken first.
        public let promise: String
        public let seed: UInt64

        public init(promise: String, seed: UInt64) {
            self.promise = promise
            self.seed = seed
        }
    }

    public let name: String
    /// What it does wrong.
    public let words: String
    /// The rule it removes, the story it repeats, or the promise it breaks.
    public let origin: String
    public let changes: [Change]
    /// Where the bug is the machines'.
    public let bug: PlantedBug?
    /// The scenario of the rule, which it must fail too.
    public let scenario: Scenario?
    public let death: Death?

    /// The scripts with it in them, each of its texts found exactly once.
    public func scripts() throws(MutantError) -> [RedisScript] {
        try ScriptLibrary.changed { (file, text) throws(MutantError) in try changed(file, text) }
    }

    func changed(_ file: String, _ text: String) throws(MutantError) -> String {
        var text = text
        for change in changes where change.file == file { text = try applied(change, to: text) }
        return text
    }

    private func applied(_ change: Change, to text: String) throws(MutantError) -> String {
        let places = text.ranges(of: change.text)
        guard let place = places.first, places.count == 1 else {
            throw MutantError(
                "\(name): this stands \(places.count) times in \(change.file).lua, not once: \(change.text)")
        }
        return text[..<place.lowerBound] + change.by + text[place.upperBound...]
    }
}

/// What is wrong with the list of mutants.
public struct MutantError: Error, Hashable, CustomStringConvertible {
    public let description: String

    init(_ words: String) { description = words }
}
