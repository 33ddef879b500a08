import EventLoop
import Glibc
import WorkerCore

/// The version that a program prints if it is started with `--version`.
enum ProgramVersion {
    /// For the program to print its version and to end.
    static let versionMilliseconds: UInt64 = 10_000

    /// Runs the program and waits for its end. Call it before the worker serves clients.
    /// - Parameter environment: of the program, with its PATH.
    static func ask(
        _ program: String, environment: [String: String], milliseconds: UInt64 = versionMilliseconds
    ) throws(WorkerFailure) -> String {
        var output: [String] = []
        var exit: ChildProcess.Exit?
        let words: LastWords
        do throws(SystemError) {
            let loop = try Loop()
            let child = try ChildProcess(
                loop: loop, arguments: [program, "--version"],
                environment: SidecarEnvironment.withoutSecrets(environment),
                onLine: { if $0 == .stdout { output.append($1) } }, onExit: { exit = $0 })
            if !loop.run(until: { exit != nil }, timeoutMilliseconds: milliseconds) {
                child.signalGroup(SIGKILL)
                _ = loop.run(until: { exit != nil }, timeoutMilliseconds: milliseconds)
                exit = nil
            }
            words = LastWords(stdout: child.tail(of: .stdout).bytes, stderr: child.tail(of: .stderr).bytes)
            _ = loop.close()
        } catch {
            throw WorkerFailure("\(program) --version cannot be started: \(error)")
        }
        guard let exit else { throw WorkerFailure("\(program) --version did not end in \(milliseconds) ms") }
        if exit == .code(0), let version = output.lazy.compactMap({ read($0) }).first { return version }
        throw WorkerFailure("\(program) --version failed: \(exit)\(words.best.map { ": \($0)" } ?? "")")
    }

    /// `156.0.8078.108` of `Chromium 156.0.8078.108 built on Debian GNU/Linux 12`: the first word that is a number, a
    /// dot, a digit and more.
    static func read(_ line: String) -> String? {
        line.split(separator: " ").first { word in
            let rest = word.utf8.drop(while: isDigit)
            guard rest.count < word.utf8.count, rest.first == UInt8(ascii: ".") else { return false }
            return rest.dropFirst().first.map(isDigit) ?? false
        }.map(String.init)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
