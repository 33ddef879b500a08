import CChild
import Glibc

/// A program that uses the terminal, the standard descriptors and the process group of this process, as a command of a
/// script does.
///
/// The kernel kills it when the thread that started it ends, for any reason.
public final class ForegroundProcess {
    private let pid: Int32
    private var signal: SignalHandle?
    private var onExit: ((ChildProcess.Exit) -> Void)?

    /// - Parameters:
    ///   - arguments: the program, searched in the PATH of `environment`, and its arguments.
    ///   - onExit: called once, never from inside this call.
    /// - Throws: why the program did not start; `ENOENT` if there is no program of that name.
    public init(
        loop: Loop, arguments: [String], environment: [String: String],
        onExit: @escaping (ChildProcess.Exit) -> Void
    ) throws(SystemError) {
        var plan = berth_child_plan(contained: 0, directory: nil, out: -1, err: -1)
        let code = startChild(arguments, environment, &plan)
        guard code > 0 else { throw SystemError(code: code, operation: "start \(arguments.first ?? "")") }
        pid = code
        self.onExit = onExit
        do throws(SystemError) {
            signal = try SignalHandle(loop: loop, signal: SIGCHLD) { _ in self.look() }
        } catch {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
            throw error
        }
        // The program may have ended before the signal handler was set.
        loop.afterThisTurn { self.look() }
    }

    /// Sends a signal to the program, not to its group. Does nothing once the program has ended.
    public func send(_ number: Int32) {
        if onExit != nil { kill(pid, number) }
    }

    private func look() {
        guard let call = onExit else { return }
        var code: Int32 = -1
        var number: Int32 = 0
        guard berth_child_collect(pid, &code, &number) != 0 else { return }
        onExit = nil
        signal?.close()
        signal = nil
        call(number > 0 ? .signal(number) : .code(code))
    }
}
