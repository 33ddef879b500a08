import Glibc

/// The program that this process runs.
public enum OwnProgram {
    /// Its path; empty if there is no `/proc`.
    public static var path: String {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &path, path.count)
        return String(decoding: path.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Runs another program instead, in the same process (`execv`). Returns the error if that fails.
    /// - Parameter arguments: without the program's name.
    public static func replace(by program: String, arguments: [String]) -> SystemError {
        let words = ([program] + arguments).map { strdup($0) } + [nil]
        execv(program, words)
        let error = SystemError(code: -errno, operation: "execv")
        for word in words { free(word) }
        return error
    }
}
