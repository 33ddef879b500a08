import CChild
import CUV
import Glibc

/// A program run by this process, in a session and process group of its own.
///
/// Its stdin is /dev/null; it inherits no other descriptor, handler or blocked signal. It is killed when the thread that
/// started it ends, however that happens. When it ends, what is left of its group is killed. While it lives, its descendants
/// stay below it, also those whose parent has ended.
public final class ChildProcess {
    /// Which of its outputs a line came from.
    public enum Channel: Hashable, Sendable { case stdout, stderr }

    /// How the program ended: by its own status, or by a signal.
    public enum Exit: Hashable, Sendable {
        case code(Int32)
        case signal(Int32)
    }

    /// How long output that was written before the exit is waited for: somebody outside the group may hold the pipe.
    private static let outputLingerMilliseconds: UInt64 = 200
    /// So many times that long, while lines that were read wait for their turn.
    private static let outputLingersMax = 10

    public let pid: Int32
    private let loop: Loop
    private let output: LineReader
    private let errors: LineReader
    private var signal: SignalHandle?
    private var linger: Timer?
    private var exit: Exit?
    private var onExit: ((Exit) -> Void)?

    /// - Parameters:
    ///   - arguments: the program, searched in the PATH of `environment`, and its arguments.
    ///   - workingDirectory: nil for that of this process.
    ///   - onLine: a line without its end, cut after 4 KiB; repaired where it is not UTF-8. Not after `ignoreLines`.
    ///   - onExit: called once, after the last line.
    /// - Throws: what kept the program from starting, `ENOENT` when there is none of that name.
    public init(
        loop: Loop, arguments: [String], environment: [String: String], workingDirectory: String? = nil,
        onLine: @escaping (Channel, String) -> Void, onExit: @escaping (Exit) -> Void
    ) throws(SystemError) {
        self.loop = loop
        self.onExit = onExit
        let output = try LineReader(loop: loop) { onLine(.stdout, $0) }
        self.output = output
        let errors: LineReader
        do throws(SystemError) {
            errors = try LineReader(loop: loop) { onLine(.stderr, $0) }
        } catch {
            output.close()
            throw error
        }
        self.errors = errors
        let code = ChildProcess.start(
            arguments, environment, workingDirectory, output.writingEnd, errors.writingEnd)
        output.closeWritingEnd()
        errors.closeWritingEnd()
        if code < 0 {
            output.close()
            errors.close()
            throw SystemError(code: code, operation: "start \(arguments.first ?? "")")
        }
        pid = code
        try watch()
    }

    private func watch() throws(SystemError) {
        do throws(SystemError) {
            signal = try SignalHandle(loop: loop, signal: SIGCHLD) { _ in self.look() }
            loop.children[pid] = self
        } catch {
            kill(-pid, SIGKILL)
            waitpid(pid, nil, 0)
            output.close()
            errors.close()
            throw error
        }
        output.start { self.reportWhenQuiet() }
        errors.start { self.reportWhenQuiet() }
        // It may have ended before anyone watched.
        loop.afterThisTurn { self.look() }
    }

    /// Nobody wants lines any more: output is read and dropped, but for its tail.
    public func ignoreLines() {
        output.ignoreLines()
        errors.ignoreLines()
    }

    /// The last 8 KiB of an output, and how many bytes came before them.
    public func tail(of channel: Channel) -> (bytes: [UInt8], droppedBytes: UInt64) {
        var tail = channel == .stdout ? output.tail : errors.tail
        return tail.taken()
    }

    /// Sends a signal to the whole group. Nothing once the process has ended: its number may be somebody else's.
    public func signalGroup(_ signal: Int32) {
        guard exit == nil else { return }
        look()
        if exit == nil { kill(-pid, signal) }
    }

    /// Takes the status if the process has ended.
    func look() {
        guard exit == nil else { return }
        // What stays where somebody else took the status.
        var code: Int32 = -1
        var number: Int32 = 0
        let result = berth_child_reap(pid, &code, &number)
        if result == 0 { return }
        exit = number > 0 ? .signal(number) : .code(code)
        loop.children[pid] = nil
        signal?.close()
        signal = nil
        lingerOn(ChildProcess.outputLingersMax)
        loop.afterThisTurn { self.reportWhenQuiet() }
    }

    private func lingerOn(_ times: Int) {
        linger = loop.schedule(after: ChildProcess.outputLingerMilliseconds) {
            if times > 1 && (self.output.isBehind || self.errors.isBehind) { return self.lingerOn(times - 1) }
            self.output.close()
            self.errors.close()
            self.reportWhenQuiet()
        }
    }

    private func reportWhenQuiet() {
        guard let exit, output.isDone, errors.isDone, let call = onExit else { return }
        onExit = nil
        linger?.cancel()
        linger = nil
        call(exit)
    }

    private static func start(
        _ arguments: [String], _ environment: [String: String], _ directory: String?, _ output: Int32, _ errors: Int32
    ) -> Int32 {
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var env: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            for text in argv + env { free(text) }
        }
        return berth_child_start(&argv, &env, directory, output, errors)
    }
}
