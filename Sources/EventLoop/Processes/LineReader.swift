import CUV
import Glibc

/// Reads a pipe to which a child writes. Delivers its lines until `ignoreLines()`, afterwards only its end.
///
/// A child may write faster than a loop can process lines. So each turn of the loop processes at most `turnBytesMax`
/// bytes and `turnLinesMax` lines of the pipe, and the child waits. After `ignoreLines()` all bytes are read and
/// dropped. The last bytes are kept, because they may explain why the child died.
final class LineReader: StreamDelegate {
    static let lineBytesMax = 4096
    static let turnBytesMax = 8_192
    static let turnLinesMax = 64

    /// Passed to the child. Above 3, because the child reports a failed start on descriptor 3.
    private(set) var writingEnd: Int32 = -1
    /// The pipe has ended or was closed, and every line was delivered.
    private(set) var isDone = false
    private(set) var tail = OutputTail()
    /// Output waits for the next turn of the loop.
    var isBehind: Bool { !isDone && !stream.isReading }
    private let stream: Stream
    private var line: [UInt8] = []
    /// Bytes that were read, but are not split yet, because this turn has delivered its lines.
    private var rest: [UInt8] = []
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
        stream.readBytesMax = UInt32(LineReader.turnBytesMax)
        self.onLine = onLine
    }

    func closeWritingEnd() {
        if writingEnd >= 0 { Glibc.close(writingEnd) }
        writingEnd = -1
    }

    /// Starts reading. `onEnd` is called once, unless `close()` is called first.
    func start(onEnd: @escaping () -> Void) {
        self.onEnd = onEnd
        stream.delegate = self
        stream.startReading()
    }

    /// Delivers no more lines. Bytes are still read, because a full pipe would block the child.
    func ignoreLines() {
        onLine = nil
        line = []
        rest = []
        stream.readBytesMax = UInt32(Loop.readBufferBytes)
    }

    func close() {
        stream.close()
        isDone = true
        ignoreLines()
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

    /// Delivers the lines that one turn may deliver. The rest of `bytes` waits for the next turn.
    private func split(_ bytes: ArraySlice<UInt8>) {
        var left = bytes
        var lines = 0
        while onLine != nil, lines < LineReader.turnLinesMax, let end = left.firstIndex(of: UInt8(ascii: "\n")) {
            take(left[..<end])
            left = left[(end + 1)...]
            lines += 1
            deliver()
        }
        guard onLine != nil else { return }
        if lines < LineReader.turnLinesMax {
            take(left)
            rest = []
        } else {
            rest = Array(left)
        }
    }

    /// Adds to the current line, and cuts a line that is too long.
    private func take(_ piece: ArraySlice<UInt8>) {
        line += piece.prefix(LineReader.lineBytesMax - line.count)
    }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        tail.append(bytes)
        guard onLine != nil else { return }
        split(Array(bytes)[...])
        // More output of this child is processed in the next turn, after all other callbacks.
        if onLine != nil, !rest.isEmpty || bytes.count == LineReader.turnBytesMax { pause() }
    }

    private func pause() {
        stream.stopReading()
        stream.loop.afterThisTurn { self.readOn() }
    }

    private func readOn() {
        guard !isDone else { return }
        if rest.isEmpty { return stream.startReading() }
        split(rest[...])
        pause()
    }

    func streamReachedEnd(_ stream: Stream) { end() }

    func streamDrained(_ stream: Stream) {}

    func stream(_ stream: Stream, failed error: SystemError) { end() }
}
