import CUV
import Glibc

/// Accepts connections. The loop keeps the listener until `close()`.
///
/// If the process has no descriptor left, libuv closes a spare one to accept and close the connections in the backlog.
/// So a full process neither spins nor leaves clients hanging. Owners should refuse with an answer before that.
///
/// libuv accepts as long as connections wait, which under a flood is forever. So a listener accepts `acceptsPerTurnMax`
/// and leaves the others for the next turn. Between turns, existing connections are read.
public final class Listener {
    /// Most connections that one listener accepts in one turn of the loop.
    static let acceptsPerTurnMax = 4

    private let loop: Loop
    private let isPipe: Bool
    private let backlog: Int32
    private let handle: UnsafeMutableRawPointer
    private var onConnection: ((Stream) -> Void)?
    private var isClosed = false
    private var isPaused = false
    /// The number of connections accepted in this turn of the loop.
    private var takenThisTurn = 0
    /// libuv offers a connection that is not accepted yet. It offers no other one before that.
    private var isOffered = false
    /// The port listened on, also if port 0 was requested; 0 for a unix socket.
    public private(set) var port = 0

    private var asStream: UnsafeMutablePointer<uv_stream_t> { handle.assumingMemoryBound(to: uv_stream_t.self) }
    private var asTCP: UnsafeMutablePointer<uv_tcp_t> { handle.assumingMemoryBound(to: uv_tcp_t.self) }
    private var asPipe: UnsafeMutablePointer<uv_pipe_t> { handle.assumingMemoryBound(to: uv_pipe_t.self) }

    /// Throws at once if the address cannot be used (EADDRINUSE, EACCES and the like).
    /// - Parameters:
    ///   - sharesPort: other sockets of this user may listen on the same address (SO_REUSEPORT). The kernel gives each of
    ///     them a part of the connections.
    ///   - keepAlive: set on each accepted connection.
    public init(
        loop: Loop, address: SocketAddress, sharesPort: Bool = false, backlog: Int32 = 4096,
        keepAlive: KeepAlive? = nil,
        onConnection: @escaping (Stream) -> Void
    ) throws(SystemError) {
        self.loop = loop
        self.backlog = backlog
        self.onConnection = onConnection
        isPipe = address.isUnix
        let size = isPipe ? MemoryLayout<uv_pipe_t>.size : MemoryLayout<uv_tcp_t>.size
        handle = .allocate(byteCount: size, alignment: 8)
        let code = isPipe ? uv_pipe_init(loop.handle, asPipe, 0) : uv_tcp_init(loop.handle, asTCP)
        try SystemError.check(code, "listen")
        asStream.pointee.data = Unmanaged.passRetained(self).toOpaque()
        do throws(SystemError) {
            try bind(address, sharesPort: sharesPort)
            if !isPipe { setOptions(keepAlive) }
            try listen(address)
        } catch {
            close()
            throw error
        }
    }

    deinit { handle.deallocate() }

    private func bind(_ address: SocketAddress, sharesPort: Bool) throws(SystemError) {
        let code =
            isPipe
            ? uv_pipe_bind(asPipe, address.host)
            : address.withSocketAddress { name in
                let error = sharesPort ? sharePort(Int32(name.pointee.sa_family)) : 0
                return error == 0 ? uv_tcp_bind(asTCP, name, 0) : error
            }
        try SystemError.check(code, "bind \(address)")
    }

    /// libuv has no flag for it, so it gets a socket that has the option.
    private func sharePort(_ family: Int32) -> Int32 {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return -errno }
        var yes: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        let code =
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &yes, size) == 0 ? uv_tcp_open(asTCP, descriptor) : -errno
        if code != 0 { Glibc.close(descriptor) }
        return code
    }

    /// Sets options on the listening socket, because connections inherit them. That saves four system calls per
    /// connection.
    private func setOptions(_ keepAlive: KeepAlive?) {
        var descriptor: uv_os_fd_t = -1
        guard uv_fileno(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self), &descriptor) == 0
        else { return }
        var yes: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        keepAlive?.apply(to: descriptor)
    }

    private func listen(_ address: SocketAddress) throws(SystemError) {
        let code = uv_listen(asStream, backlog) { handle, status in
            guard let data = handle?.pointee.data, status == 0 else { return }
            Unmanaged<Listener>.fromOpaque(data).takeUnretainedValue().accept()
        }
        // libuv may delay an error of bind, and reports it here.
        try SystemError.check(code, "listen on \(address)")
        guard !isPipe else { return }
        var storage = sockaddr_storage()
        var length = Int32(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutablePointer(to: &storage) { pointer in
            let name = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
            if uv_tcp_getsockname(asTCP, name, &length) == 0 { port = SocketAddress(name)?.port ?? 0 }
        }
    }

    /// Leaves further connections in the backlog until `resume()`, except one that libuv has already taken.
    public func pause() { isPaused = true }

    /// Accepts again. Idempotent. Waiting connections are reported from now on, one perhaps from inside this call.
    public func resume() {
        isPaused = false
        if isOffered { accept() }
    }

    private func accept() {
        isOffered = isPaused || takenThisTurn >= Listener.acceptsPerTurnMax
        guard !isOffered, !isClosed, let stream = try? Stream(loop: loop, isPipe: isPipe) else { return }
        guard uv_accept(asStream, stream.asStream) == 0 else {
            stream.close()
            return
        }
        countTaken()
        onConnection?(stream)
    }

    private func countTaken() {
        takenThisTurn += 1
        guard takenThisTurn == 1 else { return }
        loop.afterThisTurn { [self] in
            takenThisTurn = 0
            if isOffered, !isPaused { accept() }
        }
    }

    /// Accepts what is in the backlog, then closes. A client whose first packet comes between the two is not reset: its
    /// system tries again after a second (RFC 6298, 2.1), and finds whoever listens then.
    public func closeAfterBacklog() {
        isPaused = false
        var descriptor: uv_os_fd_t = -1
        let asHandle = handle.assumingMemoryBound(to: uv_handle_t.self)
        guard !isClosed, !isPipe, uv_fileno(asHandle, &descriptor) == 0 else { return close() }
        ignoreNewClients()
        var streams: [Stream] = []
        if isOffered, let stream = try? Stream(loop: loop, isPipe: false) {
            if uv_accept(asStream, stream.asStream) == 0 { streams.append(stream) } else { stream.close() }
        }
        for _ in 0...backlog {
            let accepted = Glibc.accept(descriptor, nil, nil)
            // A client that has reset its connection already is left out.
            if accepted < 0, errno == ECONNABORTED { continue }
            guard accepted >= 0 else { break }
            _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
            guard let stream = try? Stream(loop: loop, isPipe: false) else {
                Glibc.close(accepted)
                continue
            }
            if uv_tcp_open(stream.asTCP, accepted) == 0 {
                streams.append(stream)
            } else {
                Glibc.close(accepted)
                stream.close()
            }
        }
        let report = onConnection
        close()
        for stream in streams { report?(stream) }
    }

    /// The kernel drops the packets of clients that are not in the backlog yet, as if they were lost on their way.
    func ignoreNewClients() {
        var descriptor: uv_os_fd_t = -1
        guard uv_fileno(handle.assumingMemoryBound(to: uv_handle_t.self), &descriptor) == 0 else { return }
        var dropAll = sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 0)
        withUnsafeMutablePointer(to: &dropAll) { program in
            var filter = sock_fprog(len: 1, filter: program)
            setsockopt(
                descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &filter, socklen_t(MemoryLayout<sock_fprog>.size))
        }
    }

    /// Stops listening at once. Idempotent. Accepted connections stay open.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        onConnection = nil
        uv_close(handle.assumingMemoryBound(to: uv_handle_t.self)) { handle in
            guard let data = handle?.pointee.data else { return }
            Unmanaged<Listener>.fromOpaque(data).release()
        }
    }
}
