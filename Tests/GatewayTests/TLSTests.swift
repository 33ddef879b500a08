import EventLoop
import GatewayCore
import TestSupport
import Testing

@testable import Gateway

@Suite struct TLSTests {
    private let certificates: TestCertificates
    private let files: CertificateFiles

    init() throws {
        certificates = try TestCertificates()
        files = certificates.make("one")
    }

    @Test func discoveryNamesTheEncryptedAddress() throws {
        let stand = try Stand(tls: files)
        let head = "GET /json/version?x=1 HTTP/1.1\r\nHost: 127.0.0.1:99\r\n"
        let visitor = stand.ask("\(head)\r\n", trusting: files.certificate)
        #expect(visitor.status == 200 && visitor.text.contains(#""webSocketDebuggerUrl":"wss://127.0.0.1:99/cdp?x=1""#))
        // A client's own x-forwarded-proto changes nothing.
        let other = stand.ask("\(head)x-forwarded-proto: http\r\n\r\n", trusting: files.certificate)
        #expect(other.text.contains("wss://"))
        #expect(stand.logged("listening").first?.contains(#""tls":true"#) == true)
        stand.end(visitor, other)
    }

    /// A page that came unencrypted is not the gateway's own.
    @Test(arguments: ["https", "http"]) func aPageOfTheGatewayIsEncryptedToo(scheme: String) throws {
        let stand = try Stand(tls: files)
        let origin = "Origin: \(scheme)://127.0.0.1:99\r\n"
        let head = playwrightHead.replacing("Host: 127.0.0.1\r\n", with: "Host: 127.0.0.1:99\r\n\(origin)")
        let visitor = stand.connect(trusting: files.certificate)
        visitor.stream?.write(head)
        stand.loop.expect({ visitor.isEnded || stand.logged("accept").count == 1 }, "judged")
        #expect(visitor.status == (scheme == "https" ? nil : 403))
        stand.end(visitor)
    }

    @Test func plainBytesAreRefusedInPlainWords() throws {
        let stand = try Stand(tls: files)
        let visitor = stand.ask(playwrightHead)
        #expect(
            visitor.status == 400 && visitor.text.contains("This port speaks TLS") && visitor.text.contains("wss://"))
        #expect(stand.logged("refusal").count == 1)
        stand.end(visitor)
    }

    @Test func aHandshakeThatStopsIsEndedByTheDeadlineOfTheHead() throws {
        let stand = try Stand(tls: files) { $0.headMillisecondsMax = 100 }
        let silent = stand.connect()
        let half = stand.connect()
        half.stream?.write([0x16, 3, 1, 2, 0])
        let begun = stand.loop.now
        stand.loop.expect({ silent.isEnded && half.isEnded }, "both are closed")
        #expect(stand.loop.now - begun < 100 + Client.lingerMilliseconds + 1_000)
        #expect(silent.received.isEmpty && half.received.isEmpty)
        stand.end(silent, half)
    }

    /// A handshake that was quick leaves the rest of the time to the head, and the client is told.
    @Test func aHeadThatStopsIsRefusedInWords() throws {
        let stand = try Stand(tls: files) { $0.headMillisecondsMax = 300 }
        let visitor = stand.ask("GET / HTTP/1.1\r\n", trusting: files.certificate)
        #expect(visitor.status == 408)
        stand.end(visitor)
    }

    @Test func aFailedHandshakeIsLogged() throws {
        let stand = try Stand(tls: files)
        let other = certificates.make("other")
        let visitor = stand.ask("x", trusting: other.certificate)
        #expect(visitor.error?.isTLS == true)
        stand.loop.expect({ !stand.logged("handshake_failed").isEmpty }, "the line")
        #expect(stand.logged("handshake_failed")[0].contains("unknown ca"))
        stand.end(visitor)
    }

    @Test func aBadPairStopsTheStartAndChangesNothingLater() throws {
        let error = #expect(throws: GatewayFailure.self) {
            try Stand(tls: CertificateFiles(certificate: files.certificate, key: "/nowhere"))
        }
        #expect(error?.description == "tls.key: /nowhere cannot be read: No such file or directory")

        let stand = try Stand(tls: files)
        let old = stand.server.certificate?.context
        let other = certificates.make("other")
        let mixed = CertificateFiles(certificate: files.certificate, key: other.key)
        try stand.server.reload(Tenancy(tenants: []), tls: mixed)
        stand.loop.expect({ stand.logged("certificate").contains { $0.contains("does not belong") } }, "the line")
        #expect(stand.server.certificate?.context === old)
        #expect(throws: GatewayFailure.self) { try stand.server.reload(Tenancy(tenants: [])) }

        let held = stand.connect(trusting: files.certificate)
        stand.loop.expect({ held.stream?.isHandshaking == false }, "a session of the old certificate")
        try stand.server.reload(Tenancy(tenants: []), tls: other)
        stand.loop.expect({ stand.server.certificate?.context !== old }, "the new one")
        held.stream?.write("OPTIONS / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        stand.loop.expect({ held.isEnded }, "the old session goes on")
        #expect(held.status == 204)
        let fresh = stand.ask("OPTIONS / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", trusting: other.certificate)
        #expect(fresh.status == 204)
        stand.end(held, fresh)
    }
}
