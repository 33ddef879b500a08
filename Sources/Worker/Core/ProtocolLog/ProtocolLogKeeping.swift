import QueueCore

/// Which protocol logs of a folder are deleted: those past their age, then the oldest beyond the folder's size.
public enum ProtocolLogKeeping {
    /// From the last write to a log until it is deleted.
    public static let ageSecondsMax = 604_800
    /// Most bytes of all logs in the folder.
    public static let folderBytesMax = 1_073_741_824
    /// A log counts as at least so many bytes, because a disk gives it whole blocks. So the size bounds the number of
    /// logs too.
    public static let blockBytes = 4_096

    /// How a log's name ends.
    public static let nameEnd = ".jsonl"

    public struct File: Hashable, Sendable {
        public let name: String
        public let bytes: Int
        /// Since the last write.
        public let ageSeconds: Int

        public init(name: String, bytes: Int, ageSeconds: Int) {
            self.name = name
            self.bytes = bytes
            self.ageSeconds = ageSeconds
        }
    }

    /// True for names of protocol logs. Other files in the folder stay.
    public static func isLog(_ name: String) -> Bool {
        guard name.hasSuffix(nameEnd), let dash = name.lastIndex(of: "-"), LeaseID(name[..<dash]) != nil else {
            return false
        }
        let attach = name[name.index(after: dash)...].dropLast(nameEnd.count)
        return (1...18).contains(attach.utf8.count) && attach.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    /// The names to delete, the oldest first.
    /// - Parameter open: logs of sessions that go on. They count, and stay.
    public static func surplus(_ files: [File], open: Set<String>) -> [String] {
        let logs = files.filter { isLog($0.name) }
        var left = logs.reduce(0) { $0 + max($1.bytes, blockBytes) }
        var names: [String] = []
        for file in logs.sorted(by: { ($0.ageSeconds, $0.name) > ($1.ageSeconds, $1.name) })
        where !open.contains(file.name) {
            guard file.ageSeconds > ageSecondsMax || left > folderBytesMax else { break }
            names.append(file.name)
            left -= max(file.bytes, blockBytes)
        }
        return names
    }
}
