import Glibc

/// An error that ends the process, in words for its user.
struct Fatal: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }

    /// Tells the user of something that does not end the process.
    static func warn(_ words: String) {
        let line = "Warning: \(words)\n"
        _ = line.withCString { write(2, $0, strlen($0)) }
    }

    /// Ends the process from within a callback, which cannot throw. The sidecars end with the process.
    func end(code: Int32 = EXIT_FAILURE) -> Never {
        let line = "Error: \(description)\n"
        _ = line.withCString { write(2, $0, strlen($0)) }
        exit(code)
    }
}
