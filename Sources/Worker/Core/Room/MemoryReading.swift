/// Reads the files of the kernel that say how much memory is left.
public enum MemoryReading {
    /// The files of one control group (cgroup v2).
    public struct Group: Hashable, Sendable {
        /// `memory.max`: bytes, or `max`.
        public let limit: String
        /// `memory.current`.
        public let usage: String
        /// `memory.stat`.
        public let details: String

        public init(limit: String, usage: String, details: String) {
            self.limit = limit
            self.usage = usage
            self.details = details
        }

        /// Bytes that the group may still take. nil without a limit. Files that were read and not used lately
        /// (`inactive_file`) count as free, because the kernel drops them first.
        var availableBytes: UInt64? {
            guard let most = MemoryReading.number(limit), let used = MemoryReading.number(usage) else { return nil }
            let dropped = MemoryReading.field("inactive_file", of: details) ?? 0
            let kept = used > dropped ? used - dropped : 0
            return most > kept ? most - kept : 0
        }
    }

    /// The least of what the machine and each group leave; nil if none of them says.
    /// - Parameter meminfo: `/proc/meminfo`.
    public static func availableBytes(meminfo: String, groups: [Group]) -> UInt64? {
        let machine = field("MemAvailable:", of: meminfo).map { $0 * ByteSize.kibi }
        return ([machine] + groups.map(\.availableBytes)).compactMap { $0 }.min()
    }

    /// The folders of a process' group and of the groups around it, the innermost first. Each may have a limit.
    /// - Parameter membership: `/proc/self/cgroup`.
    public static func groupFolders(membership: String) -> [String] {
        guard let line = membership.split(separator: "\n").first(where: { $0.hasPrefix("0::/") }) else { return [] }
        let parts = line.dropFirst("0::".count).split(separator: "/")
        // In a container, `..` leads to groups that it cannot see.
        guard parts.count <= groupsMax, !parts.contains("..") else { return [root] }
        return (0...parts.count).reversed().map { ([root] + parts.prefix($0).map(String.init)).joined(separator: "/") }
    }

    /// Groups around a process that are looked at.
    public static let groupsMax = 16
    private static let root = "/sys/fs/cgroup"

    /// The number behind a name at the beginning of a line.
    private static func field(_ name: String, of text: String) -> UInt64? {
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            let words = line.split(separator: " ")
            if words.count >= 2, words[0] == name { return UInt64(words[1]) }
        }
        return nil
    }

    private static func number(_ text: String) -> UInt64? {
        text.split(whereSeparator: { $0 == "\n" || $0 == " " }).first.flatMap { UInt64($0) }
    }
}
