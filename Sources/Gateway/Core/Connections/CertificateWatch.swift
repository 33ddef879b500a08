/// Decides when the files of the certificate are used anew, and which of their faults are logged.
///
/// A program that renews a certificate writes two files, one after the other. Between the writes they do not belong
/// together. So a fault is logged only if the next look finds the same files. Each faulty state is logged once.
public struct CertificateWatch: Sendable {
    private var used: String
    private var faulty: (files: String, isLogged: Bool)?

    /// - Parameter files: stands for the content of the files that are in use.
    public init(using files: String) { used = files }

    /// The files were read. True if they should be used.
    /// - Parameter isAsked: the operator asked for it.
    public mutating func read(_ files: String, isAsked: Bool) -> Bool {
        if files == used {
            faulty = nil
            return false
        }
        return isAsked || faulty?.files != files || faulty?.isLogged == false
    }

    /// The files are used from now on.
    public mutating func accepted(_ files: String) {
        used = files
        faulty = nil
    }

    /// The files cannot be used. True if the fault is logged.
    public mutating func refused(_ files: String, isAsked: Bool) -> Bool {
        let isSecond = faulty?.files == files
        faulty = (files, isSecond || isAsked)
        return isSecond || isAsked
    }
}
