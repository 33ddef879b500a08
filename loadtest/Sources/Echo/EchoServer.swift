import EventLoop

/// Listens on loopback and echoes until the process is killed.
final class EchoServer {
    private let scratch = Scratch()
    private var listener: Listener?
    private var connections: [ObjectIdentifier: EchoConnection] = [:]
    private var failuresLeft: Int

    var port: Int { listener?.port ?? 0 }

    /// - Parameter failFirst: how many connections to reset before it serves one.
    init(loop: Loop, failFirst: Int) throws(SystemError) {
        failuresLeft = failFirst
        listener = try Listener(loop: loop, address: SocketAddress("127.0.0.1:0")!) { [unowned self] in accept($0) }
    }

    /// Closes the listener, so that the kernel refuses further connections.
    func stopListening() { listener?.close() }

    private func accept(_ stream: Stream) {
        if failuresLeft > 0 {
            failuresLeft -= 1
            return stream.reset()
        }
        let connection = EchoConnection(stream: stream, scratch: scratch) { [unowned self] in
            connections[ObjectIdentifier($0)] = nil
        }
        connections[ObjectIdentifier(connection)] = connection
    }
}
