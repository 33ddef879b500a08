import CUV
import Glibc

/// Reads the keys of the terminal that controls this process.
///
/// It opens the terminal anew, because reads that do not block are a flag of an open file, and the shell has the same
/// open file as the process' standard input.
public final class TerminalKeys: StreamDelegate {
    private let stream: Stream
    private var onKeys: (([UInt8]) -> Void)?
    private var onEnd: (() -> Void)?

    /// - Parameters:
    ///   - onKeys: gets the bytes as they come; a key may be several.
    ///   - onEnd: called once, when the terminal is gone.
    /// - Throws: if this process has no terminal.
    public init(
        loop: Loop, path: String = "/dev/tty", onKeys: @escaping ([UInt8]) -> Void, onEnd: @escaping () -> Void
    ) throws(SystemError) {
        let descriptor = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError(code: -errno, operation: "open \(path)") }
        do throws(SystemError) {
            stream = try Stream(loop: loop, isPipe: true)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        let code = uv_pipe_open(stream.asPipe, descriptor)
        guard code == 0 else {
            stream.close()
            Glibc.close(descriptor)
            throw SystemError(code: code, operation: "open \(path)")
        }
        self.onKeys = onKeys
        self.onEnd = onEnd
        stream.delegate = self
        stream.startReading()
    }

    /// Nothing is called after this. Idempotent.
    public func close() {
        onKeys = nil
        onEnd = nil
        stream.close()
    }

    public func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) { onKeys?(Array(bytes)) }
    public func streamReachedEnd(_ stream: Stream) { end() }
    public func stream(_ stream: Stream, failed error: SystemError) { end() }
    public func streamDrained(_ stream: Stream) {}

    private func end() {
        let call = onEnd
        close()
        call?()
    }
}
