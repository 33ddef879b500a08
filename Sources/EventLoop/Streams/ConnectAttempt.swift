import CUV

/// An attempt to connect. It needs no owner, because it ends by its answer, its timeout or `cancel()`.
public final class ConnectAttempt {
    private let request = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
    private var stream: Stream?
    private var timer: Timer?
    private var done: ((Result<Stream, SystemError>) -> Void)?

    fileprivate init(done: @escaping (Result<Stream, SystemError>) -> Void) {
        self.done = done
    }

    deinit { request.deallocate() }

    /// Gives up; `done` is not called any more. Idempotent, and without effect after `done`.
    public func cancel() {
        done = nil
        end()
    }

    fileprivate func start(loop: Loop, address: SocketAddress, timeoutMilliseconds: UInt64) {
        do throws(SystemError) {
            let stream = try Stream(loop: loop, isPipe: address.isUnix)
            self.stream = stream
            try connect(stream, address)
            timer = loop.schedule(after: timeoutMilliseconds) {
                self.finish(.failure(.timedOut("connect to \(address)")))
            }
        } catch {
            loop.afterThisTurn { self.finish(.failure(error)) }
        }
    }

    private func connect(_ stream: Stream, _ address: SocketAddress) throws(SystemError) {
        let held = Unmanaged.passRetained(self)
        request.pointee.data = held.toOpaque()
        let answer: uv_connect_cb = { request, status in
            guard let data = request?.pointee.data else { return }
            Unmanaged<ConnectAttempt>.fromOpaque(data).takeRetainedValue().answered(status)
        }
        if address.isUnix {
            uv_pipe_connect(request, stream.asPipe, address.host, answer)
            return
        }
        let code = address.withSocketAddress { uv_tcp_connect(request, stream.asTCP, $0, answer) }
        if code < 0 {
            held.release()
            throw SystemError(code: code, operation: "connect to \(address)")
        }
    }

    private func answered(_ status: Int32) {
        guard let stream, done != nil else { return }
        if status < 0 {
            finish(.failure(SystemError(code: status, operation: "connect")))
        } else {
            stream.disableDelay()
            self.stream = nil
            finish(.success(stream))
        }
    }

    private func finish(_ result: Result<Stream, SystemError>) {
        let call = done
        done = nil
        end()
        call?(result)
    }

    private func end() {
        timer?.cancel()
        timer = nil
        stream?.close()
        stream = nil
    }
}

extension Stream {
    /// Connects. `done` is called once, on the loop, with an open stream that does not read yet, or with the error
    /// (ETIMEDOUT after `timeoutMilliseconds`).
    @discardableResult
    public static func connect(
        loop: Loop, to address: SocketAddress, timeoutMilliseconds: UInt64,
        done: @escaping (Result<Stream, SystemError>) -> Void
    ) -> ConnectAttempt {
        let attempt = ConnectAttempt(done: done)
        attempt.start(loop: loop, address: address, timeoutMilliseconds: timeoutMilliseconds)
        return attempt
    }
}
