import EventLoop
import Glibc

/// Certificates that the program openssl makes, in a folder of their own.
public final class TestCertificates {
    public let folder: TemporaryFolder

    public init() throws { folder = try TemporaryFolder() }

    /// A certificate that signed itself, and its key.
    /// - Parameters:
    ///   - names: its subjectAltName.
    ///   - days: -1 for one that has expired.
    public func make(
        _ name: String, names: String = "DNS:localhost,IP:127.0.0.1", days: Int = 2, key: String = "ec"
    ) -> CertificateFiles {
        let files = CertificateFiles(certificate: "\(folder.path)/\(name).pem", key: "\(folder.path)/\(name).key")
        let algorithm = key == "ec" ? "ec -pkeyopt ec_paramgen_curve:prime256v1" : key
        let request = "\(folder.path)/\(name).csr"
        let extensions = "\(folder.path)/\(name).ext"
        precondition(Files.write(extensions, "subjectAltName=\(names)\n"))
        run("openssl req -new -newkey \(algorithm) -nodes -keyout \(files.key) -out \(request) -subj /CN=\(name)")
        run(
            "openssl x509 -req -in \(request) -signkey \(files.key) -days \(days) -out \(files.certificate) "
                + "-extfile \(extensions)")
        return files
    }

    public func run(_ command: String) {
        precondition(system("\(command) >\(folder.path)/log 2>&1") == 0, "failed: \(command)")
    }
}
