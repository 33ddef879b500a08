import CUV
import Glibc

/// A pipe whose other end a child writes to, read as lines.
final class LineReader: StreamDelegate {
    static let lineBytesMax = 4096

    /// Passed to the child. Above 3, which the child uses for its own report.
    private(set) var writingEnd: Int32 = -1
    /// The pipe has ended or was closed.
    private(set) var isDone = false
    private let stream: Stream
    private var line: [UInt8] = []
    private var onLine: ((String) -> Void)?
    private var onEnd: (() -> Void)?

    init(loop: Loop, onLine: @escaping (String) -> Void) throws(SystemError) {
        var ends: [Int32] = [-1, -1]
        try SystemError.check(uv_pipe(&ends, 0, 0), "pipe")
        writingEnd = fcntl(ends[1], F_DUPFD_CLOEXEC, 10)
        Glibc.close(ends[1])
        do throws(SystemError) {
            stream = try Stream(loop: loop, isPipe: true)
        } catch {
            Glibc.close(ends[0])
            Glibc.close(writingEnd)
            throw error
        }
        let code = writingEnd < 0 ? UV_EMFILE.rawValue : uv_pipe_open(stream.asPipe, ends[0])
        if code < 0 {
            stream.close()
            Glibc.close(ends[0])
            closeWritingEnd()
            throw SystemError(code: code, operation: "pipe")
        }
        self.onLine = onLine
    }

    func closeWritingEnd() {
        if writingEnd >= 0 { Glibc.close(writingEnd) }
        writingEnd = -1
    }

    /// Starts reading; `onEnd` is called once, unless `close()` comes first.
    func start(onEnd: @escaping () -> Void) {
        self.onEnd = onEnd
        stream.delegate = self
        stream.startReading()
    }

    func close() {
        stream.close()
        isDone = true
        onLine = nil
        onEnd = nil
    }

    private func end() {
        if !line.isEmpty { deliver() }
        let call = onEnd
        close()
        call?()
    }

    private func deliver() {
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        let text = String(decoding: line, as: UTF8.self)
        line.removeAll(keepingCapacity: true)
        onLine?(text)
    }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                deliver()
            } else if line.count < LineReader.lineBytesMax {
                line.append(byte)
            }
        }
    }

    func streamReachedEnd(_ stream: Stream) { end() }

    func streamDrained(_ stream: Stream) {}

    func stream(_ stream: Stream, failed error: SystemError) { end() }
}
