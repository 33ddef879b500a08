import Configuration
import Doctor
import EventLoop
import Glibc
import RedisClient
import Worker

extension MachineFacts {
    /// This machine, by the settings that a worker started here would have.
    /// - Parameter flags: those that also a worker takes.
    static func here(config: String?, flags: Flags) -> MachineFacts {
        MachineFacts(openFiles: SystemLimits.openFilesLimit(), worker: Worker.here(config: config, flags: flags))
    }
}

extension MachineFacts.Worker {
    /// nil if this machine has no pool in its settings.
    fileprivate static func here(config: String?, flags: Flags) -> MachineFacts.Worker? {
        var hasBrowser = true
        do {
            let settings = try Host.settings(.worker, config: config, flags: [flags])
            guard
                !settings.texts("worker.pools").isEmpty || !settings.pools.isEmpty
                    || settings.number("worker.concurrentSessions") > 0
            else { return nil }
            let role = try WorkerRole(settings)
            hasBrowser = role.pools.contains { [.playwright, .chromium, .bidi].contains($0.kind) }
            let worker = try WorkerSettings(
                role: role, node: try NodeRole(settings, hostName: Host.hostName), redis: try Host.endpoint(settings))
            return facts(.found(worker.pools.map(\.plan.pool.description)), hasBrowser)
        } catch {
            return facts(.missing("\(error)"), hasBrowser)
        }
    }

    private static func facts(_ programs: Programs, _ hasBrowser: Bool) -> MachineFacts.Worker {
        MachineFacts.Worker(
            programs: programs, hasBrowser: hasBrowser, sharedMemoryBytes: sharedMemoryBytes, fonts: Fonts.count())
    }

    private static var sharedMemoryBytes: Int? {
        var info = statvfs()
        guard statvfs("/dev/shm", &info) == 0 else { return nil }
        return Int(clamping: UInt64(info.f_blocks) * UInt64(info.f_frsize))
    }
}

/// Fonts that browsers find.
private enum Fonts {
    /// Files that are counted at most; one is enough for pages to show text.
    static let countMax = 1_000
    static let depthMax = 6
    private static let endings = [".ttf", ".otf", ".ttc", ".pfb", ".woff", ".woff2"]

    static func count() -> Int {
        var folders = ["/usr/share/fonts", "/usr/local/share/fonts"]
        if let home = Host.environment["HOME"] { folders += ["\(home)/.fonts", "\(home)/.local/share/fonts"] }
        return folders.reduce(0) { min(countMax, $0 + count(in: $1, depth: depthMax)) }
    }

    private static func count(in folder: String, depth: Int) -> Int {
        var found = 0
        for name in Files.entries(folder) where found < countMax {
            let path = "\(folder)/\(name)"
            if Files.isFolder(path) {
                if depth > 0 { found += count(in: path, depth: depth - 1) }
            } else if endings.contains(where: name.lowercased().hasSuffix) {
                found += 1
            }
        }
        return found
    }
}
