import Glibc
import Synchronization

/// A server of a test's, held by a pipe to the shell that started it: it ends with this process however that ends.
final class ServerProcess {
    /// One is started at a time: a pipe is not inherited by another's server between its making and its flag.
    private static let starting = Mutex(())
    private static let linesMax = 1_000

    private let shell: pid_t
    private let leash: Int32
    private var output: UnsafeMutablePointer<FILE>?
    private var pid: pid_t = 0

    /// - Parameter folder: removed with this process, should it end before its test.
    init(_ words: [String], folder: String) {
        let command = words.map { "'\($0)'" }.joined(separator: " ")
        // `read` fails when the leash is cut by this process' end.
        let script =
            "\(command) & p=$!; echo \"pid $p\"; read line; e=$?; kill -9 $p; wait $p; [ $e = 0 ] || rm -rf '\(folder)'"
        let (shell, leash, output) = Self.starting.withLock { _ in Self.spawn(script) }
        self.shell = shell
        self.leash = leash
        self.output = fdopen(output, "r")
    }

    /// Waits until a line of its output has these words; nothing is heard after that.
    func wait(for ready: String) {
        guard let lines = output else { return }
        var heard: [String] = []
        var buffer = [CChar](repeating: 0, count: 4096)
        while pid == 0 || heard.last?.contains(ready) != true {
            let line = fgets(&buffer, Int32(buffer.count), lines)
            precondition(line != nil && heard.count < Self.linesMax, "it did not start: \(heard)")
            heard.append(String(cString: line!))
            if heard.last!.hasPrefix("pid ") { pid = pid_t(heard.removeLast().dropFirst(4).dropLast())! }
        }
        fclose(lines)
        output = nil
    }

    func signal(_ number: Int32) { Glibc.kill(pid, number) }

    /// kill -9; returns when it is gone.
    func kill() {
        _ = write(leash, "\n", 1)
        close(leash)
        var status: Int32 = 0
        waitpid(shell, &status, 0)
    }

    /// - Returns: the shell, the end that holds it, the end that hears both.
    private static func spawn(_ script: String) -> (pid_t, Int32, Int32) {
        var input: [Int32] = [0, 0]
        var output: [Int32] = [0, 0]
        precondition(pipe(&input) == 0 && pipe(&output) == 0)
        for end in input + output { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, input[0], 0)
        posix_spawn_file_actions_adddup2(&actions, output[1], 1)
        posix_spawn_file_actions_adddup2(&actions, output[1], 2)
        var arguments = ["/bin/sh", "-c", script].map { text in text.withCString { strdup($0) } } + [nil]
        // A thread of a pool has all signals blocked: a shell that inherits that never hears of its child's end.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var child: pid_t = 0
        let spawned = posix_spawn(&child, "/bin/sh", &actions, &attributes, &arguments, environ)
        precondition(spawned == 0)
        posix_spawn_file_actions_destroy(&actions)
        posix_spawnattr_destroy(&attributes)
        for argument in arguments { free(argument) }
        close(input[0])
        close(output[1])
        return (child, input[1], output[0])
    }
}
