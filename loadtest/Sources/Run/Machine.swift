import EventLoop
import Glibc
import LoadTestCore

/// Facts about this machine, for the result's file.
enum Machine {
    static var facts: RunResult.Machine {
        var names = utsname()
        uname(&names)
        let release = Files.read("/etc/os-release", bytesMax: 8_192) ?? ""
        let processor = Files.read("/proc/cpuinfo", bytesMax: 65_536) ?? ""
        let memory = Files.read("/proc/meminfo", bytesMax: 8_192) ?? ""
        return RunResult.Machine(
            system: value(of: "PRETTY_NAME", in: release, mark: "="), kernel: text(&names.release),
            architecture: text(&names.machine), processor: value(of: "model name", in: processor, mark: ":"),
            cores: sysconf(Int32(_SC_NPROCESSORS_ONLN)),
            memoryBytes: (Int(value(of: "MemTotal", in: memory, mark: ":").split(separator: " ").first ?? "") ?? 0)
                * 1_024)
    }

    /// How many connections to one address Linux finds a port for at once. It gives every second port of its range first.
    /// For each further connection it looks through the ports that are taken.
    static var quickPorts: Int? {
        let range = Files.read("/proc/sys/net/ipv4/ip_local_port_range", bytesMax: 64) ?? ""
        let ends = range.split { " \t\n".contains($0) }.compactMap { Int($0) }
        return ends.count == 2 ? (ends[1] - ends[0] + 1) / 2 : nil
    }

    /// The first line that a command prints; nil if it fails.
    static func firstLine(of command: String) -> String? {
        guard let pipe = popen("\(command) 2>/dev/null", "r") else { return nil }
        defer { pclose(pipe) }
        var buffer = [CChar](repeating: 0, count: 512)
        guard fgets(&buffer, Int32(buffer.count), pipe) != nil else { return nil }
        let line = buffer.prefix { $0 != 0 && $0 != 10 }.map(UInt8.init(bitPattern:))
        return line.isEmpty ? nil : String(decoding: line, as: UTF8.self)
    }

    /// The text as one word of a shell command.
    static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    private static func value(of key: String, in text: String, mark: Character) -> String {
        for line in text.split(separator: "\n") where line.hasPrefix(key) {
            guard let at = line.firstIndex(of: mark) else { continue }
            return String(line[line.index(after: at)...].drop { $0 == " " }).filter { $0 != "\"" }
        }
        return ""
    }

    private static func text<T>(_ field: inout T) -> String {
        withUnsafeBytes(of: &field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
