import CChild
import CUV
import Glibc

/// A program run by this process, in a session and process group of its own.
///
/// Its stdin is /dev/null. It inherits no other descriptor, no signal handler and no blocked signal. The kernel kills
/// it when the thread that started it ends, for any reason. When the program ends, the rest of its process group is
/// killed. While the program lives, its orphaned descendants become its children.
public final class ChildProcess {
    /// The output that a line was written to.
    public enum Channel: Hashable, Sendable { case stdout, stderr }

    /// How the program ended: with a status of its own, or by a signal.
    public enum Exit: Hashable, Sendable {
        case code(Int32)
        case signal(Int32)
    }

    /// How long to wait after the exit for output that was written before it. The pipe may not end by itself, because a
    /// process outside the group may hold it open.
    private static let outputLingerMilliseconds: UInt64 = 200
    /// How often to wait that long, while lines that were read are not delivered yet.
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
    ///   - workingDirectory: nil for the one of this process.
    ///   - onLine: called with a line without its end. A line is cut after 4 KiB, and invalid UTF-8 is repaired. Not
    ///     called after `ignoreLines`.
    ///   - onExit: called once, after the last line.
    /// - Throws: why the program did not start; `ENOENT` if there is no program of that name.
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
        // The program may have ended before the signal handler was set.
        loop.afterThisTurn { self.look() }
    }

    /// Delivers no more lines. Output is read and dropped, except for its tail.
    public func ignoreLines() {
        output.ignoreLines()
        errors.ignoreLines()
    }

    /// The last 8 KiB of an output, and the number of bytes before them.
    public func tail(of channel: Channel) -> (bytes: [UInt8], droppedBytes: UInt64) {
        var tail = channel == .stdout ? output.tail : errors.tail
        return tail.taken()
    }

    /// Sends a signal to the whole group. Does nothing once the process has ended, because its pid may be reused.
    public func signalGroup(_ signal: Int32) {
        guard exit == nil else { return }
        look()
        if exit == nil { kill(-pid, signal) }
    }

    /// True if this process may undo a niceness that it gave to a child: only root may (setpriority(2)).
    public static var mayRaisePriority: Bool { geteuid() == 0 }

    /// Sets the niceness of all processes of the group. Does nothing once the process has ended.
    /// - Parameter steps: above the niceness of this process.
    public func setNiceness(_ steps: Int32) {
        guard exit == nil else { return }
        let own = getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0)
        setpriority(__priority_which_t(PRIO_PGRP.rawValue), id_t(pid), own + steps)
    }

    /// Collects the status if the process has ended.
    func look() {
        guard exit == nil else { return }
        // Reported if other code collected the status before.
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
        let path = directory.map { strdup($0) }
        defer { free(path ?? nil) }
        var plan = berth_child_plan(contained: 1, directory: path ?? nil, out: output, err: errors)
        return startChild(arguments, environment, &plan)
    }
}

/// - Returns: the pid, or a negated errno.
func startChild(
    _ arguments: [String], _ environment: [String: String], _ plan: UnsafePointer<berth_child_plan>
) -> Int32 {
    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var env: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer {
        for text in argv + env { free(text) }
    }
    return berth_child_start(&argv, &env, plan)
}
