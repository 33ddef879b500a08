import CUV
import Glibc

extension Stream {
    /// The peer's address, `host:port`; `unix` for a unix socket, empty if not connected.
    public var peerAddress: String {
        if isPipe { return "unix" }
        return socketAddress { uv_tcp_getpeername(asTCP, $0, $1) }?.description ?? ""
    }

    /// The peer's address without its port; `unix` for a unix socket, empty if not connected.
    public var peerHost: String {
        if isPipe { return "unix" }
        return socketAddress { uv_tcp_getpeername(asTCP, $0, $1) }?.host ?? ""
    }

    /// The peer's network as a number: an IPv4 address, or the first half of an IPv6 address, because one host or site
    /// owns all addresses with that half. 0 for a unix socket, or if not connected.
    public var peerNetwork: UInt64 {
        guard !isPipe && !isClosed else { return 0 }
        var storage = sockaddr_storage()
        var length = Int32(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            let raw = UnsafeMutableRawPointer(pointer)
            guard uv_tcp_getpeername(asTCP, raw.assumingMemoryBound(to: sockaddr.self), &length) == 0 else { return 0 }
            let isV4 = Int32(pointer.pointee.ss_family) == AF_INET
            let offset = MemoryLayout<sockaddr_in>.offset(of: \sockaddr_in.sin_addr) ?? 4
            if isV4 { return UInt64(UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self))) }
            let at = MemoryLayout<sockaddr_in6>.offset(of: \sockaddr_in6.sin6_addr) ?? 8
            let high = UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            // An IPv4 peer of a listener for both families.
            let mapped = UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: at + 8, as: UInt32.self))
            guard high == 0, mapped == 0xFFFF else { return high }
            return UInt64(UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: at + 12, as: UInt32.self)))
        }
    }

    /// The local address, `host:port`; `unix` for a unix socket, empty if not connected.
    public var localAddress: String {
        if isPipe { return "unix" }
        return socketAddress { uv_tcp_getsockname(asTCP, $0, $1) }?.description ?? ""
    }

    /// For how many milliseconds the peer's machine has acknowledged nothing, although the kernel has sent bytes or probes
    /// again. 0 if it owes no answer, or for a unix socket. A peer that only does not read answers the probes.
    var unacknowledgedMilliseconds: Int {
        var descriptor: uv_os_fd_t = -1
        guard !isPipe, !isClosed, uv_fileno(asHandle, &descriptor) == 0 else { return 0 }
        var info = tcp_info()
        var length = socklen_t(MemoryLayout<tcp_info>.size)
        guard getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &info, &length) == 0,
            info.tcpi_retransmits > 1 || info.tcpi_probes > 1
        else { return 0 }
        return Int(info.tcpi_last_ack_recv)
    }

    /// Whether the peer's end has arrived. Bytes before the end may not have been read yet.
    public enum PeerEnd {
        case none
        /// The peer sends no more (FIN). It may still read.
        case halfClosed
        /// The connection was reset. Nothing can be sent any more.
        case reset
    }

    public var peerEnd: PeerEnd {
        var descriptor: uv_os_fd_t = -1
        guard uv_fileno(asHandle, &descriptor) == 0 else { return .reset }
        var look = pollfd(fd: descriptor, events: Stream.peerLeft, revents: 0)
        guard poll(&look, 1, 0) == 1 else { return .none }
        if look.revents & Int16(POLLHUP | POLLERR) != 0 { return .reset }
        return look.revents & Stream.peerLeft != 0 ? .halfClosed : .none
    }

    /// POLLRDHUP (poll(2)). Glibc declares it only under a macro.
    private static let peerLeft: Int16 = 0x2000

    /// Turns keepalive on. Does nothing on a unix socket.
    public func keepAlive(_ keepAlive: KeepAlive) {
        guard !isPipe && !isClosed else { return }
        var descriptor: uv_os_fd_t = -1
        if uv_fileno(asHandle, &descriptor) == 0 { keepAlive.apply(to: descriptor) }
    }

    /// Sends small messages at once (TCP_NODELAY).
    func disableDelay() {
        if !isPipe { uv_tcp_nodelay(asTCP, 1) }
    }

    func setOption(_ level: Int32, _ name: Int32, _ value: UnsafeRawPointer, _ size: Int) {
        var descriptor: uv_os_fd_t = -1
        guard uv_fileno(asHandle, &descriptor) == 0 else { return }
        setsockopt(descriptor, level, name, value, socklen_t(size))
    }

    /// The error that the kernel holds for this socket, as libuv's negative number; 0 for none.
    func pendingError() -> Int32 {
        var descriptor: uv_os_fd_t = -1
        var error: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard uv_fileno(asHandle, &descriptor) == 0,
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0
        else { return 0 }
        return -error
    }

    private func socketAddress(
        _ get: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<Int32>) -> Int32
    ) -> SocketAddress? {
        guard !isClosed else { return nil }
        var storage = sockaddr_storage()
        var length = Int32(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            let address = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
            return get(address, &length) == 0 ? SocketAddress(address) : nil
        }
    }
}

/// When the kernel probes a silent peer (tcp(7)). If the peer does not answer, its stream fails with ETIMEDOUT.
public struct KeepAlive: Hashable, Sendable {
    public let idleSeconds: Int
    public let intervalSeconds: Int
    /// Probes without an answer before the stream fails.
    public let count: Int

    public init(idleSeconds: Int, intervalSeconds: Int, count: Int) {
        self.idleSeconds = idleSeconds
        self.intervalSeconds = intervalSeconds
        self.count = count
    }

    func apply(to descriptor: Int32) {
        set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPIDLE, idleSeconds)
        set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPINTVL, intervalSeconds)
        set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPCNT, count)
    }

    private func set(_ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Int) {
        var value = Int32(value)
        setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}
