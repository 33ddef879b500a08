import CTLS
import TestSupport
import Testing

@testable import EventLoop

/// One end of a session in memory.
private final class End {
    let session: TLSSession
    private(set) var received: [UInt8] = []
    private(set) var outcome = TLSSession.Outcome.open
    private var outbox: [UInt8] = []
    private let buffers: TLSBuffers

    init(_ context: TLSContext, expecting name: String? = nil, _ buffers: TLSBuffers) throws {
        self.buffers = buffers
        session = try TLSSession(context, expecting: name.map(TLSPeer.init), buffers: buffers)
        outbox += session.output
    }

    func take() -> [UInt8] {
        defer { outbox = [] }
        return outbox
    }

    func receive(_ bytes: some Collection<UInt8>) {
        Array(bytes).withUnsafeBytes {
            let (plain, outcome) = session.receive($0)
            received += plain
            self.outcome = outcome
        }
        outbox += session.output
    }

    func send(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try session.send($0) }
        outbox += session.output
    }

    /// Asks for another handshake.
    func beginAnew() {
        buffers.clearOutput()
        #expect(SSL_renegotiate(session.ssl) == 1)
        SSL_do_handshake(session.ssl)
        outbox += session.output
    }

    func end() {
        session.end()
        outbox += session.output
    }

    var failure: String? {
        if case .failed(let failure) = outcome { return failure.description }
        return nil
    }
}

@Suite struct TLSSessionTests {
    /// A server and a client that trusts it.
    private struct Both {
        let certificates: TestCertificates
        let server: TLSContext
        let client: TLSContext
        let buffers = TLSBuffers()

        init(names: String = "DNS:localhost,IP:127.0.0.1", days: Int = 2, key: String = "ec") throws {
            certificates = try TestCertificates()
            let files = certificates.make("one", names: names, days: days, key: key)
            server = try TLSContext(server: ServerCertificate(files.read()))
            client = try TLSContext(trusting: files.certificate)
        }

        func ends(expecting name: String = "localhost") throws -> (client: End, server: End) {
            (try End(client, expecting: name, buffers), try End(server, buffers))
        }
    }

    /// Passes bytes until both are silent.
    private func converse(_ one: End, _ other: End, pieces: Int = .max) {
        var bytes = one.take()
        var back = other.take()
        while !bytes.isEmpty || !back.isEmpty {
            for start in stride(from: 0, to: bytes.count, by: pieces == .max ? max(bytes.count, 1) : pieces) {
                other.receive(bytes[start..<(pieces == .max ? bytes.count : min(start + pieces, bytes.count))])
            }
            for start in stride(from: 0, to: back.count, by: pieces == .max ? max(back.count, 1) : pieces) {
                one.receive(back[start..<(pieces == .max ? back.count : min(start + pieces, back.count))])
            }
            bytes = one.take()
            back = other.take()
        }
    }

    @Test(arguments: [1, 2, 7, 1_000, Int.max]) func aHandshakeInPieces(pieces: Int) throws {
        let (client, server) = try Both().ends()
        converse(client, server, pieces: pieces)
        #expect(client.session.isEstablished && server.session.isEstablished)
        try client.send(Array("ping".utf8))
        try server.send(Array("pong".utf8))
        converse(client, server, pieces: pieces)
        #expect(server.received == Array("ping".utf8) && client.received == Array("pong".utf8))
    }

    /// Each message of the handshake, and the first of the owner, is cut in two at every place.
    @Test func aHandshakeSplitAtEveryByte() throws {
        let both = try Both()
        var count = 0
        for message in 0..<3 {
            var at = 1
            var length = Int.max
            while at < length {
                let (client, server) = try both.ends()
                var from = client
                var to = server
                for number in 0...message {
                    if number == 2 { try from.send(Array("first".utf8)) }
                    let bytes = from.take()
                    if number == message {
                        // A signature differs in length from handshake to handshake.
                        length = bytes.count
                        to.receive(bytes.prefix(at))
                        to.receive(bytes.dropFirst(at))
                    } else {
                        to.receive(bytes)
                    }
                    swap(&from, &to)
                }
                converse(client, server)
                #expect(client.session.isEstablished && server.session.isEstablished, "message \(message) at \(at)")
                #expect(server.received == (message == 2 ? Array("first".utf8) : []))
                at += 1
                count += 1
            }
        }
        #expect(count > 700)
    }

    @Test func muchIsCarriedBothWays() throws {
        let (client, server) = try Both().ends()
        converse(client, server)
        var random = SplitMix64(state: 1)
        let up = (0..<TLSSession.sendBytesMax).map { _ in UInt8.random(in: 0...255, using: &random) }
        let down = (0..<100_001).map { _ in UInt8.random(in: 0...255, using: &random) }
        try client.send(up)
        try server.send(down)
        converse(client, server, pieces: Loop.readBufferBytes)
        #expect(server.received == up && client.received == down)
    }

    @Test func eachSideEndsByItself() throws {
        let (client, server) = try Both().ends()
        converse(client, server)
        client.end()
        converse(client, server)
        #expect(server.outcome == .ended && client.outcome == .open)
        try server.send(Array("late".utf8))
        converse(client, server)
        #expect(client.received == Array("late".utf8))
        server.end()
        converse(client, server)
        #expect(client.outcome == .ended)
        // Bytes behind the end are dropped.
        server.receive([0x17, 3, 3, 0, 5, 1, 2, 3, 4, 5])
        #expect(server.received.isEmpty && server.outcome == .open)
    }

    /// The end of the bytes is the business of the stream. No part of a record passes for data.
    @Test func aCutRecordIsNotData() throws {
        let (client, server) = try Both().ends()
        converse(client, server)
        try client.send(Array("whole".utf8))
        try client.send(Array("cut".utf8))
        server.receive(client.take().dropLast())
        #expect(server.received == Array("whole".utf8) && server.outcome == .open)
    }

    @Test func aChangedByteIsNotData() throws {
        let both = try Both()
        for place in 0..<20 {
            let (client, server) = try both.ends()
            converse(client, server)
            try client.send(Array("secret".utf8))
            var bytes = client.take()
            bytes[bytes.count - 1 - place] ^= 1
            server.receive(bytes)
            #expect(server.received.isEmpty && server.failure != nil)
        }
    }

    @Test(arguments: [
        ("localhost", true), ("127.0.0.1", true), ("other.example", false), ("127.0.0.2", false), ("::1", false),
    ]) func theNameIsChecked(name: String, isRight: Bool) throws {
        let (client, server) = try Both().ends(expecting: name)
        converse(client, server)
        #expect(client.session.isEstablished == isRight)
        #expect(client.failure == (isRight ? nil : "TLS handshake: the server's certificate is for another name"))
        #expect(server.failure?.contains("alert") == (isRight ? nil : true), "the server hears of it")
    }

    @Test func aStrangeAuthorityIsNotTrusted() throws {
        let both = try Both()
        let other = both.certificates.make("other")
        let client = try End(TLSContext(trusting: other.certificate), expecting: "localhost", both.buffers)
        let server = try End(both.server, both.buffers)
        converse(client, server)
        #expect(client.failure?.contains("not trusted here") == true)
        #expect(server.failure?.contains("unknown ca") == true)
        #expect(throws: TLSFailure.self) { try TLSContext(trusting: "/nowhere.pem") }
    }

    @Test func anExpiredCertificateIsNotAccepted() throws {
        let (client, server) = try Both(days: -1).ends()
        converse(client, server)
        #expect(client.failure?.contains("expired") == true)
    }

    @Test(arguments: ["ec", "rsa:2048"]) func oldVersionsAreRefused(key: String) throws {
        let both = try Both(key: key)
        for version in [TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION] {
            let context = try TLSContext(trusting: nil)
            SSL_CTX_set_verify(context.handle, SSL_VERIFY_NONE, nil)
            SSL_CTX_set_security_level(context.handle, 0)
            SSL_CTX_ctrl(context.handle, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_VERSION), nil)
            SSL_CTX_ctrl(context.handle, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version), nil)
            let client = try End(context, expecting: "localhost", both.buffers)
            let server = try End(both.server, both.buffers)
            converse(client, server)
            #expect(server.session.isEstablished == (version >= TLS1_2_VERSION), "\(version)")
        }
    }

    @Test(arguments: [("h2", false), ("h2,http/1.1", true), ("http/1.1", true)])
    func onlyHTTP11IsChosen(offer: String, isRight: Bool) throws {
        let both = try Both()
        let words = offer.split(separator: ",").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        SSL_CTX_set_alpn_protos(both.client.handle, words, UInt32(words.count))
        let (client, server) = try both.ends()
        converse(client, server)
        #expect(server.session.isEstablished == isRight)
        #expect(server.failure?.contains("no application protocol") == (isRight ? nil : true))
        var chosen: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(client.session.ssl, &chosen, &length)
        #expect(length == (isRight ? 8 : 0))
    }

    @Test func nothingIsNegotiatedAnew() throws {
        let both = try Both()
        SSL_CTX_ctrl(both.client.handle, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
        let (client, server) = try both.ends()
        converse(client, server)
        #expect(SSL_session_reused(client.session.ssl) == 0 && SSL_get_current_compression(client.session.ssl) == nil)
        try client.send(Array("on".utf8))
        // A client of Berth does not try. Without SSL_OP_NO_RENEGOTIATION (SSL_OP_BIT(30), ssl.h) it does.
        SSL_clear_options(client.session.ssl, 1 << 30)
        client.beginAnew()
        converse(client, server)
        #expect(server.received == Array("on".utf8))
        #expect(client.failure?.contains("no renegotiation") == true)
    }
}
