import Glibc

/// Tells the service manager of this process' state (sd_notify(3)): systemd with `Type=notify`.
public enum ServiceManager {
    public enum State: String {
        case ready = "READY=1"
        case stopping = "STOPPING=1"
    }

    /// Nothing happens if no manager asked to be told, or if it does not listen.
    public static func notify(_ state: State) {
        guard let name = getenv("NOTIFY_SOCKET").map({ String(cString: $0) }) else { return }
        send(state.rawValue, to: name)
    }

    /// - Parameter name: a path, or `@` and a name in the abstract namespace (unix(7)).
    static func send(_ words: String, to name: String) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        guard let first = bytes.first, first == 0x2F || first == 0x40,
            bytes.count < MemoryLayout.size(ofValue: address.sun_path)
        else { return }
        if first == 0x40 { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let file = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { return }
        defer { close(file) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                Glibc.sendto(file, words, words.utf8.count, Int32(MSG_DONTWAIT), target, length)
            }
        }
    }
}
