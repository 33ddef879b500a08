import EventLoop
import Glibc
import TestSupport
import Testing

@Suite struct ServerCertificateTests {
    private let certificates: TestCertificates

    init() throws { certificates = try TestCertificates() }

    private func fault(_ certificate: String, _ key: String) -> ServerCertificate.Fault? {
        do throws(ServerCertificate.Fault) {
            let read = try ServerCertificate(CertificateFiles(certificate: certificate, key: key).read())
            _ = try TLSContext(server: read)
            return nil
        } catch {
            return error
        }
    }

    @Test func aPairIsRead() throws {
        let files = certificates.make("one")
        let one = try ServerCertificate(files.read())
        #expect(one.validity == .valid && one.lastDay.count == 10)
        #expect(try ServerCertificate(certificates.make("old", days: -1).read()).validity == .expired)
        #expect(fault(files.certificate, files.key) == nil)
    }

    @Test func eachFaultNamesItsFile() throws {
        let one = certificates.make("one")
        let two = certificates.make("two")
        let empty = "\(certificates.folder.path)/empty"
        #expect(Files.write(empty, ""))
        let locked = "\(certificates.folder.path)/locked.key"
        certificates.run("openssl pkey -in \(one.key) -aes256 -passout pass:word -out \(locked)")
        let small = certificates.make("small", key: "rsa:1024")
        let faults: [(String, String, ServerCertificate.Fault.File, String)] = [
            ("/nowhere/x.pem", one.key, .certificate, "cannot be read: No such file"),
            (one.certificate, "/nowhere/x.key", .key, "cannot be read: No such file"),
            (certificates.folder.path, one.key, .certificate, "cannot be read: Is a directory"),
            (empty, one.key, .certificate, "holds no certificate"),
            (one.key, one.key, .certificate, "holds no certificate"),
            (one.certificate, empty, .key, "holds no private key"),
            (one.certificate, one.certificate, .key, "holds no private key"),
            (one.certificate, two.key, .key, "does not belong to the certificate"),
            (one.certificate, locked, .key, "protected by a passphrase"),
            (small.certificate, small.key, .certificate, "too small"),
        ]
        for (certificate, key, file, words) in faults {
            let found = fault(certificate, key)
            #expect(
                found?.file == file && found?.description.contains(words) == true,
                "\(words): \(String(describing: found))")
        }
    }

    @Test func aKeyThatEverybodyReadsIsSeen() throws {
        let files = certificates.make("one")
        #expect(chmod(files.key, 0o640) == 0 && !files.read().isKeyExposed)
        #expect(chmod(files.key, 0o644) == 0 && files.read().isKeyExposed)
    }

    @Test func theFingerprintFollowsBothFiles() throws {
        let one = certificates.make("one")
        let two = certificates.make("two")
        let mixed = CertificateFiles(certificate: one.certificate, key: two.key)
        let missing = CertificateFiles(certificate: one.certificate, key: "/nowhere")
        let all = [one, two, mixed, missing].map { $0.read().fingerprint }
        #expect(Set(all).count == 4 && one.read().fingerprint == all[0])
    }
}
