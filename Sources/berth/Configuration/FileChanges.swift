/// Decides when changed files are read again.
///
/// A change counts if two looks in a row find the same. A program may still be writing at the first of them. And a file that
/// is written twice within one tick of the file system's clock keeps its time.
public struct FileChanges<Mark: Equatable> {
    private var used: [String: Mark]
    private var last: [String: Mark]

    /// - Parameter marks: the files that are in use, by path. A path without a mark is a file that is not there.
    public init(_ marks: [String: Mark]) { (used, last) = (marks, marks) }

    /// - Returns: true if the files should be read now. Each state of the files is read once, even if it cannot be used.
    public mutating func looked(_ marks: [String: Mark]) -> Bool {
        defer { last = marks }
        guard marks == last, marks != used else { return false }
        used = marks
        return true
    }
}
