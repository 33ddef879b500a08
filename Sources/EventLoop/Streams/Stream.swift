import CUV
import Glibc

/// What a stream reports. All calls come from the loop, except where a method says otherwise.
public protocol StreamDelegate: AnyObject {
    /// The bytes are valid during the call only: they lie in the loop's shared buffer.
    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer)
    /// The peer will send no more (FIN). Writing is still possible.
    func streamReachedEnd(_ stream: Stream)
    /// All that was queued has been handed to the kernel.
    func streamDrained(_ stream: Stream)
    /// A read or a write failed. The stream is closed after this call.
    func stream(_ stream: Stream, failed error: SystemError)
}

/// A connection over TCP or a unix socket. Made by a `Listener` or by `Stream.connect`; not reading at first.
///
/// The loop holds the stream from its making until after `close()`, so every stream must be closed.
public final class Stream {
    public let loop: Loop
    /// Held strongly; let go by `close()`.
    public var delegate: (any StreamDelegate)?
    /// Allocated with the size of its kind, so that a parked connection costs one TCP handle and this object.
    let handle: UnsafeMutableRawPointer
    let isPipe: Bool
    public private(set) var isReading = false
    public private(set) var isClosed = false
    private var isFinishing = false
    private var writesQueued: UInt32 = 0
    /// The most bytes of one read.
    var readBytesMax = UInt32(Loop.readBufferBytes)

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

    /// Bytes come to the delegate from now on. Idempotent; an error comes later.
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
        } else {
            failLater(code, "read")
        }
    }

    /// No bytes come until `startReading()`, nor does the peer's end. Idempotent.
    public func stopReading() {
        guard isReading else { return }
        isReading = false
        uv_read_stop(asStream)
    }

    /// Gives the delegate the bytes that came already, at most one buffer of them, from inside this call. Ends and errors are
    /// left to the loop. Not from inside a call of a delegate with bytes: they share the buffer.
    public func readWhatCame() {
        var descriptor: uv_os_fd_t = -1
        guard isReading, uv_fileno(asHandle, &descriptor) == 0 else { return }
        let count = recv(descriptor, loop.readBuffer, Loop.readBufferBytes, Int32(MSG_DONTWAIT))
        if count > 0 { read(count, loop.readBuffer) }
    }

    private func read(_ count: Int, _ base: UnsafeMutablePointer<CChar>?) {
        if count > 0 {
            delegate?.stream(self, received: UnsafeRawBufferPointer(start: base, count: count))
            return
        }
        stopReading()
        // libuv takes a hang-up behind the last bytes for an end without asking for the socket's error: a reset that
        // overtook unread bytes would pass for an orderly end.
        let code = count == Int(UV_EOF.rawValue) ? pendingError() : Int32(count)
        if code == 0 {
            delegate?.streamReachedEnd(self)
        } else {
            fail(code, "read")
        }
    }

    // MARK: Writing

    /// Bytes that the kernel did not take yet.
    public var queuedBytes: Int { isClosed ? 0 : uv_stream_get_write_queue_size(asStream) }

    /// Hands the bytes to the kernel at once as far as it takes them; what is left is copied and queued.
    /// Errors come through the delegate, later. After `finish()` or `close()` nothing is written.
    public func write(_ bytes: UnsafeRawBufferPointer) {
        guard !isClosed && !isFinishing, bytes.count > 0 else { return }
        var rest = bytes
        if writesQueued == 0 {
            var buffer = Stream.buffer(bytes)
            let written = uv_try_write(asStream, &buffer, 1)
            if written == bytes.count { return }
            // An error is left to the queued write: it reports it from the loop, not from inside this call.
            if written > 0 { rest = UnsafeRawBufferPointer(rebasing: bytes[Int(written)...]) }
        }
        queue(rest)
    }

    /// As `write` of a buffer.
    public func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { write($0) }
    }

    /// The text's UTF-8, as `write` of a buffer.
    public func write(_ text: String) {
        var text = text
        text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
    }

    /// One block: the request, then the bytes. The open handle keeps the stream alive until its callback.
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

    /// Ends the sending side (FIN) once all that is queued was written. Reading goes on.
    public func finish() {
        guard !isFinishing && !isClosed else { return }
        isFinishing = true
        let request = UnsafeMutablePointer<uv_shutdown_t>.allocate(capacity: 1)
        let code = uv_shutdown(request, asStream) { request, status in
            guard let request else { return }
            let stream = Stream.of(request.pointee.handle)
            request.deallocate()
            // ENOTCONN: the peer has gone, which the reading side reports.
            if status < 0 && status != UV_ENOTCONN.rawValue { stream.fail(status, "shutdown") }
        }
        if code < 0 {
            request.deallocate()
            failLater(code, "shutdown")
        }
    }

    // MARK: Ending

    /// Ends the connection at once; what is queued is dropped. Idempotent. The delegate is not called any more.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        isReading = false
        delegate = nil
        uv_close(asHandle) { handle in
            guard let data = handle?.pointee.data else { return }
            Unmanaged<Stream>.fromOpaque(data).release()
        }
    }

    /// As `close()`, but the peer sees RST instead of an orderly end. A unix socket knows no RST and just closes.
    public func reset() {
        guard !isClosed else { return }
        if !isPipe {
            var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
            setOption(SOL_SOCKET, SO_LINGER, &linger, MemoryLayout<Glibc.linger>.size)
        }
        close()
    }

    private func fail(_ code: Int32, _ operation: String) {
        guard !isClosed else { return }
        delegate?.stream(self, failed: SystemError(code: code, operation: operation))
        close()
    }

    /// For failures found inside a call of the owner's.
    private func failLater(_ code: Int32, _ operation: String) {
        loop.afterThisTurn { self.fail(code, operation) }
    }

    private static func buffer(_ bytes: UnsafeRawBufferPointer) -> uv_buf_t {
        uv_buf_t(
            base: UnsafeMutableRawPointer(mutating: bytes.baseAddress!).assumingMemoryBound(to: CChar.self),
            len: bytes.count)
    }
}
