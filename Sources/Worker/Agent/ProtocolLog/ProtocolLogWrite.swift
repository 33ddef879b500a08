import EventLoop
import Glibc
import WorkerCore

/// One batch of lines for a protocol log's file, written on a thread.
struct ProtocolLogWrite: Sendable {
    enum Outcome: Sendable {
        /// - Parameter file: the open file; nil if it is closed.
        case written(file: Int32?)
        /// None of the batch is in the file, and the file is closed.
        case failed(words: String)
    }

    let folder: String
    let name: String
    /// nil before the first batch.
    let file: Int32?
    /// Whole lines.
    let lines: [UInt8]
    /// No batch follows.
    let isLast: Bool

    func performed() -> Outcome {
        guard let file = file ?? created() else {
            return .failed(words: SystemError(code: -errno, operation: "open").description)
        }
        let before = lseek(file, 0, SEEK_END)
        var written = 0
        while written < lines.count {
            let count = lines.withUnsafeBytes { write(file, $0.baseAddress! + written, lines.count - written) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                let error = SystemError(code: -errno, operation: "write")
                // Without this, the file would end within a line.
                _ = ftruncate(file, before)
                close(file)
                return .failed(words: error.description)
            }
            written += count
        }
        guard isLast else { return .written(file: file) }
        close(file)
        return .written(file: nil)
    }

    private func created() -> Int32? {
        guard Files.makeFolder(folder) else { return nil }
        guard let folder = OwnFolder(folder) else { return nil }
        guard let file = folder.create(name) else { return nil }
        // Another worker that shares the folder sees by the lock that the log is open.
        flock(file, LOCK_EX | LOCK_NB)
        return file
    }
}

/// Deletes the protocol logs that are kept no longer, on a thread.
struct ProtocolLogSweep: Sendable {
    let folder: String
    /// Logs of sessions that go on.
    let open: Set<String>

    /// - Returns: why the folder cannot be used; nil if it can.
    func performed() -> String? {
        guard Files.makeFolder(folder), let folder = OwnFolder(folder) else {
            return SystemError(code: -errno, operation: "mkdir").description
        }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let files = folder.files().map {
            ProtocolLogKeeping.File(name: $0.name, bytes: $0.bytes, ageSeconds: now.tv_sec - $0.writtenSecond)
        }
        for name in ProtocolLogKeeping.surplus(files, open: open) { folder.removeUnlocked(name) }
        return nil
    }
}
