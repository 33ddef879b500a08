import EventLoop
import WorkerCore

/// The protocol log of one session. It gets copies of the bytes that the session's relay passes, and never makes the
/// relay wait: a line for which there is no room is dropped and counted.
final class SessionLog {
    /// Most bytes of one session's lines that wait for the disk.
    static let waitingBytesMax = 1_048_576

    private let files: ProtocolLogFiles
    private let loop: Loop
    private var transcript: ProtocolTranscript
    private var start: UInt64 = 0
    /// Lines that no thread has yet, and the number of messages in them.
    private var waiting: (lines: [UInt8], messages: UInt64) = ([], 0)
    /// The batch that a thread has.
    private var writing: (bytes: Int, messages: UInt64) = (0, 0)
    /// The open file's descriptor.
    private(set) var file: Int32?
    private var isBegun = false
    private(set) var isEnded = false
    private var failure: String?

    init(_ facts: ProtocolTranscript.Facts, files: ProtocolLogFiles, loop: Loop) {
        transcript = ProtocolTranscript(facts)
        self.files = files
        self.loop = loop
    }

    var name: String { transcript.facts.fileName }
    /// The session's relay begins.
    func begin() {
        guard !isBegun else { return }
        isBegun = true
        start = loop.now
        files.opened(self)
        add(transcript.firstLine(start: EventLog.timestamp()))
    }

    /// The first or last line, which needs no room.
    private func add(_ line: [UInt8]) {
        waiting.lines += line
        files.hold(line.count)
        files.queue(self)
    }

    /// A side has sent these bytes.
    func passed(_ bytes: UnsafeRawBufferPointer, from side: LoggedSide) {
        guard isBegun, !isEnded else { return }
        transcript.read(bytes, of: side, milliseconds: loop.now - start) { line in
            let bytes = waiting.lines.count + writing.bytes + line.count
            guard bytes <= SessionLog.waitingBytesMax, files.holdIfRoom(line.count) else { return false }
            waiting.lines += line
            waiting.messages += 1
            return true
        }
        if waiting.messages > 0 { files.queue(self) }
    }

    /// The session's relay is over. A further call does nothing.
    func end() {
        guard isBegun, !isEnded else { return }
        isEnded = true
        guard failure == nil else { return files.closed(self, report) }
        add(transcript.lastLine(milliseconds: loop.now - start))
    }

    // MARK: For ProtocolLogFiles

    /// The next batch for a thread; nil if there is none.
    func batch(folder: String) -> ProtocolLogWrite? {
        guard failure == nil, !waiting.lines.isEmpty else { return nil }
        let write = ProtocolLogWrite(
            folder: folder, name: name, file: file, lines: waiting.lines, isLast: isEnded)
        writing = (waiting.lines.count, waiting.messages)
        waiting = ([], 0)
        return write
    }

    /// The batch is written, or not.
    func wrote(_ outcome: ProtocolLogWrite.Outcome) {
        let (bytes, messages) = writing
        writing = (0, 0)
        files.letGo(bytes)
        switch outcome {
        case .written(let file):
            self.file = file
            if file == nil { files.closed(self, report) }
        case .failed(let words):
            failure = words
            file = nil
            files.letGo(waiting.lines.count)
            transcript.failed(messages: messages + waiting.messages)
            waiting = ([], 0)
            if isEnded { files.closed(self, report) }
        }
    }

    private var report: ProtocolLogReport {
        ProtocolLogReport(
            lease: transcript.facts.lease, slot: transcript.facts.slot, pool: transcript.facts.pool, name: name,
            messages: transcript.messages, dropped: transcript.budget.dropped, failure: failure)
    }
}
