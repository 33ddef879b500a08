import EventLoop
import GatewayCore

/// The certificate that new connections get. It looks at the files on a thread, now and then and when it is asked to.
final class CertificateKeeper {
    private let loop: Loop
    private let events: any GatewayEvents
    private var files: CertificateFiles
    private var watch: CertificateWatch
    private(set) var context: TLSContext
    private var timer: Timer?
    private var isClosed = false

    /// Reads the files at once, which blocks.
    init(loop: Loop, files: CertificateFiles, events: any GatewayEvents) throws(GatewayFailure) {
        self.loop = loop
        self.events = events
        self.files = files
        let content = files.read()
        watch = CertificateWatch(using: content.fingerprint)
        do throws(CertificateFault) {
            context = try CertificateKeeper.load(files, content, events)
        } catch {
            throw GatewayFailure(error.description)
        }
        timer = loop.schedule(
            after: GatewayLimits.certificateLookMilliseconds, repeating: GatewayLimits.certificateLookMilliseconds
        ) { [unowned self] in look(isAsked: false) }
    }

    func close() {
        isClosed = true
        timer?.cancel()
        timer = nil
    }

    /// The operator asks to use the files as they are now.
    func reload(_ files: CertificateFiles) {
        self.files = files
        look(isAsked: true)
    }

    private func look(isAsked: Bool) {
        let files = files
        loop.runAside({ files.read() }) { [self] content in
            if !isClosed, files == self.files { take(content, isAsked: isAsked) }
        }
    }

    private func take(_ content: CertificateFiles.Content, isAsked: Bool) {
        let fingerprint = content.fingerprint
        guard watch.read(fingerprint, isAsked: isAsked) else { return }
        do throws(CertificateFault) {
            context = try CertificateKeeper.load(files, content, events)
            watch.accepted(fingerprint)
        } catch {
            if watch.refused(fingerprint, isAsked: isAsked) { events.certificateRefused(error.description) }
        }
    }

    private static func load(
        _ files: CertificateFiles, _ content: CertificateFiles.Content, _ events: any GatewayEvents
    ) throws(CertificateFault) -> TLSContext {
        let loaded = try LoadedCertificate(files, content)
        events.certificateUsed(files.certificate, lastDay: loaded.lastDay)
        for words in loaded.warnings { events.notice(words) }
        return loaded.context
    }
}

/// Why a certificate cannot be used, with the setting and the file that are at fault.
public struct CertificateFault: Error, Hashable, CustomStringConvertible {
    /// `tls.certificate` or `tls.key`.
    public let setting: String
    public let words: String

    public var description: String { "\(setting): \(words)" }
}

/// A certificate that the gateway can use, and what an operator should know about it.
public struct LoadedCertificate {
    public let context: TLSContext
    public let lastDay: String
    public let warnings: [String]

    public init(_ files: CertificateFiles, _ content: CertificateFiles.Content) throws(CertificateFault) {
        do throws(ServerCertificate.Fault) {
            let certificate = try ServerCertificate(content)
            context = try TLSContext(server: certificate)
            lastDay = certificate.lastDay
            warnings = LoadedCertificate.warnings(files, content, certificate)
        } catch {
            let isKey = error.file == .key
            throw CertificateFault(
                setting: isKey ? "tls.key" : "tls.certificate",
                words: "\(isKey ? files.key : files.certificate) \(error.description)")
        }
    }

    private static func warnings(
        _ files: CertificateFiles, _ content: CertificateFiles.Content, _ certificate: ServerCertificate
    ) -> [String] {
        var words: [String] = []
        switch certificate.validity {
        case .valid: break
        case .expired:
            words.append(
                "the certificate \(files.certificate) expired on \(certificate.lastDay): clients that verify it refuse it"
            )
        case .notYet:
            words.append("the certificate \(files.certificate) is not valid yet: clients that verify it refuse it")
        }
        if content.isKeyExposed {
            words.append("every user of this machine may read the key \(files.key): chmod o-r \(files.key)")
        }
        return words
    }
}
