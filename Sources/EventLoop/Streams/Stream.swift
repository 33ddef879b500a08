import CUV
import Glibc

/// Events of a stream. The loop makes all calls, unless a method says otherwise.
public protocol StreamDelegate: AnyObject {
    /// The bytes are valid only during the call, because they are in the loop's shared buffer.
    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer)
    /// The peer sends no more (FIN). Writing is still possible.
    func streamReachedEnd(_ stream: Stream)
    /// The kernel has accepted all queued bytes.
    func streamDrained(_ stream: Stream)
    /// A read or a write failed. The stream is closed after this call.
    func stream(_ stream: Stream, failed error: SystemError)
}

/// A connection over TCP or a unix socket. Made by a `Listener` or by `Stream.connect`; does not read at first.
///
/// The loop keeps the stream until after `close()`, so every stream must be closed.
///
/// Properties that each read or write uses are `@exclusivity(unchecked)`, here, in `Relay` and in its witnesses. The check
/// at run time takes a quarter of a relayed message's instructions, and finds nothing here: each access ends before the
/// next one begins, on one thread.
public final class Stream {
    public let loop: Loop
    /// A strong reference. `close()` releases it.
    @exclusivity(unchecked) public var delegate: (any StreamDelegate)?
    /// Allocated at the size of its kind, so that a waiting connection costs one TCP handle and this object.
    let handle: UnsafeMutableRawPointer
    let isPipe: Bool
    @exclusivity(unchecked) public private(set) var isReading = false
    @exclusivity(unchecked) public private(set) var isClosed = false
    @exclusivity(unchecked) private(set) var isFinishing = false
    @exclusivity(unchecked) private(set) var writesQueued: UInt32 = 0
    /// Nil for a plain stream.
    @exclusivity(unchecked) var tls: StreamTLS?
    /// Most bytes of one read.
    @exclusivity(unchecked) var readBytesMax = UInt32(Loop.readBufferBytes)

    var asStream: UnsafeMutablePointer<uv_stream_t> { handle.assumingMemoryBound(to: uv_stream_t.self) }
    var asHandle: UnsafeMutablePointer<uv_handle_t> { handle.assumingMemoryBound(to: uv_handle_t.self) }
    var asTCP: UnsafeMutablePointer<uv_tcp_t> { handle.assumingMemoryBound(to: uv_tcp_t.self) }
    var asPipe: UnsafeMutablePointer<uv_pipe_t> { handle.assumingMemoryBound(to: uv_pipe_t.self) }

    init(loop: Loop, isPipe: Bool) throws(SystemError) {
        self.loop = loop
        self.isPipe = isPipe
        let size = isPipe ? MemoryLayout<uv_pipe_t>.size : MemoryLayout<uv_tcp_t>.size
        handle = .allocate(byteCount: size, alignment: 8)
        let code =
            isPipe
            ? uv_pipe_init(loop.handle, handle.assumingMemoryBound(to: uv_pipe_t.self), 0)
            : uv_tcp_init(loop.handle, handle.assumingMemoryBound(to: uv_tcp_t.self))
        try SystemError.check(code, "stream")
        asHandle.pointee.data = Unmanaged.passRetained(self).toOpaque()
    }

    deinit { handle.deallocate() }

    static func of(_ handle: UnsafeMutablePointer<uv_stream_t>) -> Stream {
        Unmanaged<Stream>.fromOpaque(handle.pointee.data).takeUnretainedValue()
    }

    // MARK: Reading

    /// Starts to pass received bytes to the delegate. Idempotent. An error is reported later.
    public func startReading() {
        guard !isReading && !isClosed else { return }
        let code = uv_read_start(
            asStream,
            { handle, _, buffer in
                guard let handle, let buffer else { return }
                let stream = Unmanaged<Stream>.fromOpaque(handle.pointee.data).takeUnretainedValue()
                buffer.pointee = uv_buf_t(base: stream.loop.readBuffer, len: Int(stream.readBytesMax))
            },
            { handle, count, buffer in
                guard let handle, count != 0 else { return }
                Stream.of(handle).read(count, buffer?.pointee.base)
            })
        if code == 0 {
            isReading = true
            if let tls { reportDueEnd(tls) }
        } else {
            failLater(code, "read")
        }
    }

    /// Passes neither bytes nor the peer's end until `startReading()`. Idempotent.
    public func stopReading() {
        guard isReading else { return }
        isReading = false
        uv_read_stop(asStream)
    }

    /// Passes the bytes that have already arrived to the delegate, at most one buffer, from inside this call. The loop
    /// reports ends and errors later. Must not be called while a delegate handles bytes, because they share the buffer.
    public func readWhatCame() {
        var descriptor: uv_os_fd_t = -1
        guard isReading, uv_fileno(asHandle, &descriptor) == 0 else { return }
        let count = recv(descriptor, loop.readBuffer, Loop.readBufferBytes, Int32(MSG_DONTWAIT))
        if count > 0 { read(count, loop.readBuffer) }
    }

    private func read(_ count: Int, _ base: UnsafeMutablePointer<CChar>?) {
        if count > 0 {
            let bytes = UnsafeRawBufferPointer(start: base, count: count)
            if let tls { return receive(bytes, tls) }
            delegate?.stream(self, received: bytes)
            return
        }
        stopReading()
        // libuv reports a hang-up after the last bytes as an end, without asking for the socket's error. A reset that
        // overtook unread bytes would look like an orderly end.
        let code = count == Int(UV_EOF.rawValue) ? pendingError() : Int32(count)
        if code == 0 {
            delegate?.streamReachedEnd(self)
        } else {
            fail(code, "read")
        }
    }

    // MARK: Writing

    /// The number of bytes that the kernel has not accepted yet. With TLS these are bytes of ciphertext, and those that
    /// wait for the end of the handshake.
    public var queuedBytes: Int {
        isClosed ? 0 : uv_stream_get_write_queue_size(asStream) + (tls?.early.count ?? 0)
    }

    /// Passes the bytes to the kernel at once, as far as it accepts them. The rest is copied and queued. Errors are
    /// reported later, through the delegate. After `finish()` or `close()` nothing is written.
    public func write(_ bytes: UnsafeRawBufferPointer) {
        guard !isClosed && !isFinishing, bytes.count > 0 else { return }
        if let tls { return write(bytes, tls) }
        send(bytes)
    }

    /// Like `write`, without encryption.
    func send(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        if writesQueued == 0 {
            var buffer = Stream.buffer(bytes)
            let written = uv_try_write(asStream, &buffer, 1)
            if written == bytes.count { return }
            // The queued write reports an error from the loop, not from inside this call.
            if written > 0 { rest = UnsafeRawBufferPointer(rebasing: bytes[Int(written)...]) }
        }
        queue(rest)
    }

    /// Like `write` of a buffer.
    public func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { write($0) }
    }

    /// Writes the text's UTF-8, like `write` of a buffer.
    public func write(_ text: String) {
        var text = text
        text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
    }

    /// One allocation holds the request and the bytes. The open handle keeps the stream alive until the callback.
    private func queue(_ bytes: UnsafeRawBufferPointer) {
        let header = MemoryLayout<uv_write_t>.stride
        let block = UnsafeMutableRawPointer.allocate(byteCount: header + bytes.count, alignment: 8)
        let copy = block + header
        copy.copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
        var buffer = Stream.buffer(UnsafeRawBufferPointer(start: copy, count: bytes.count))
        let code = uv_write(block.assumingMemoryBound(to: uv_write_t.self), asStream, &buffer, 1) { request, status in
            guard let request else { return }
            let stream = Stream.of(request.pointee.handle)
            UnsafeMutableRawPointer(request).deallocate()
            stream.wrote(status)
        }
        if code == 0 {
            writesQueued += 1
        } else {
            block.deallocate()
            failLater(code, "write")
        }
    }

    private func wrote(_ status: Int32) {
        writesQueued -= 1
        if isClosed { return }
        if status < 0 {
            fail(status, "write")
        } else if writesQueued == 0 {
            delegate?.streamDrained(self)
        }
    }

    /// Ends the sending side (FIN, with TLS close_notify before it) after all queued bytes were written. Reading
    /// continues.
    public func finish() {
        guard !isFinishing && !isClosed else { return }
        isFinishing = true
        if let tls { return finish(tls) }
        endSending()
    }

    func endSending() {
        let request = UnsafeMutablePointer<uv_shutdown_t>.allocate(capacity: 1)
        let code = uv_shutdown(request, asStream) { request, status in
            guard let request else { return }
            let stream = Stream.of(request.pointee.handle)
            request.deallocate()
            // ENOTCONN: the peer is gone, which the reading side reports.
            if status < 0 && status != UV_ENOTCONN.rawValue { stream.fail(status, "shutdown") }
        }
        if code < 0 {
            request.deallocate()
            failLater(code, "shutdown")
        }
    }

    // MARK: Ending

    /// Ends the connection at once and drops queued bytes. Idempotent. The delegate is not called any more.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        isReading = false
        delegate = nil
        tls = nil
        uv_close(asHandle) { handle in
            guard let data = handle?.pointee.data else { return }
            Unmanaged<Stream>.fromOpaque(data).release()
        }
    }

    /// Like `close()`, but the peer receives RST instead of an orderly end. A unix socket has no RST, so it just
    /// closes.
    public func reset() {
        guard !isClosed else { return }
        if !isPipe {
            var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
            setOption(SOL_SOCKET, SO_LINGER, &linger, MemoryLayout<Glibc.linger>.size)
        }
        close()
    }

    func fail(_ error: SystemError) {
        guard !isClosed else { return }
        delegate?.stream(self, failed: error)
        close()
    }

    private func fail(_ code: Int32, _ operation: String) {
        fail(SystemError(code: code, operation: operation))
    }

    /// Reports failures that are found inside a call that the owner makes.
    func failLater(_ error: SystemError) {
        loop.afterThisTurn { self.fail(error) }
    }

    private func failLater(_ code: Int32, _ operation: String) {
        failLater(SystemError(code: code, operation: operation))
    }

    private static func buffer(_ bytes: UnsafeRawBufferPointer) -> uv_buf_t {
        uv_buf_t(
            base: UnsafeMutableRawPointer(mutating: bytes.baseAddress!).assumingMemoryBound(to: CChar.self),
            len: bytes.count)
    }
}
