import Glibc

/// Standard input, output and error.
public enum StandardDescriptors {
    /// Opens /dev/null as each of the three that is closed when the process starts.
    ///
    /// Call it before other code opens a descriptor: a socket with the number 1 would receive the log, and libuv aborts
    /// the process when it closes a handle below 3.
    public static func openClosed() {
        for descriptor in STDIN_FILENO...STDERR_FILENO
        where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
            // `open` takes the lowest free number, which is this one.
            _ = open("/dev/null", O_RDWR)
        }
    }
}
