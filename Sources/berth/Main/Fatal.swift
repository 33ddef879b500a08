import Glibc

/// A reason to end, in words for whoever started the process.
struct Fatal: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }

    /// Ends the process from inside a callback, where nothing can be thrown. Sidecars die with it.
    func end(code: Int32 = EXIT_FAILURE) -> Never {
        let line = "Error: \(description)\n"
        _ = line.withCString { write(2, $0, strlen($0)) }
        exit(code)
    }
}
