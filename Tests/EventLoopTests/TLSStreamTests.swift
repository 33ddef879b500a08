import CTLS
import Glibc
import TestSupport
import Testing

@testable import EventLoop

/// A pair of streams that speak TLS.
private final class SecurePair {
    let pair: Pair
    let certificates: TestCertificates
    var client: EventLoop.Stream { pair.client }
    var server: EventLoop.Stream { pair.server }
    var atClient: Recorder { pair.atClient }
    var atServer: Recorder { pair.atServer }

    init(_ loop: Loop, unixPath: String? = nil, name: String = "localhost", isClientPlain: Bool = false) throws {
        certificates = try TestCertificates()
        let files = certificates.make("one")
        pair = try Pair(loop, unixPath: unixPath)
        server.secure(asServer: try TLSContext(server: ServerCertificate(files.read())))
        if !isClientPlain {
            client.secure(asClient: try TLSContext(trusting: files.certificate), of: TLSPeer(name))
        }
    }

    func shakeHands(_ loop: Loop) {
        pair.startReading()
        loop.expect({ !client.isHandshaking && !server.isHandshaking }, "the handshake ends")
    }

    func close() { pair.close() }
}

@Suite struct TLSStreamTests {
    @Test(arguments: [false, true]) func bytesAndEndsPassBothWays(unix: Bool) throws {
        let loop = try Loop()
        let folder = try TemporaryFolder()
        let both = try SecurePair(loop, unixPath: unix ? folder.path + "/s" : nil)
        // Before the handshake.
        both.client.write("ping")
        both.server.write("pong")
        #expect(both.client.queuedBytes >= 4 && both.server.queuedBytes == 4)
        both.pair.startReading()
        loop.expect({ both.atServer.text == "ping" && both.atClient.text == "pong" }, "both arrive")
        loop.expect({ both.atServer.drains == 1 && both.server.queuedBytes == 0 }, "what waited is sent")
        both.client.finish()
        loop.expect({ both.atServer.ended }, "the end arrives")
        let session = try #require(both.server.tls?.session)
        #expect(SSL_get_shutdown(session.ssl) & SSL_RECEIVED_SHUTDOWN != 0, "and it is a close_notify")
        both.server.write(" late")
        loop.expect({ both.atClient.text == "pong late" }, "the other half stays open")
        both.close()
        #expect(loop.close())
    }

    @Test func theWireHasNoPlaintext() throws {
        let loop = try Loop()
        let both = try SecurePair(loop)
        both.shakeHands(loop)
        both.server.tls = nil
        both.client.write("a secret of eighteen")
        loop.expect({ both.atServer.received.count > 20 }, "ciphertext")
        #expect(both.atServer.received.first == 0x17 && !both.atServer.text.contains("secret"))
        both.close()
        #expect(loop.close())
    }

    @Test func slowReaderQueuesAndDrainsThenTheEndComesLast() throws {
        let loop = try Loop()
        let both = try SecurePair(loop)
        both.shakeHands(loop)
        both.server.stopReading()
        let bytes = [UInt8](repeating: 7, count: 16 << 20)
        both.client.write(bytes)
        #expect(both.client.queuedBytes > 4 << 20)
        both.client.write([1, 2, 3])
        both.client.finish()
        both.client.write([9])
        both.server.startReading()
        loop.expect({ both.atServer.ended }, "the end arrives")
        #expect(both.atServer.received.count == bytes.count + 3)
        #expect(both.atServer.received.suffix(4) == [7, 1, 2, 3])
        #expect(both.atClient.drains >= 1 && both.client.queuedBytes == 0)
        both.close()
        #expect(loop.close())
    }

    /// The end arrives together with the last bytes, at an owner that stops reading at those.
    @Test func anEndThatArrivesWhileReadingIsStoppedComesLater() throws {
        final class Stopper: StreamDelegate {
            var text = ""
            var ends = 0
            func stream(_ stream: EventLoop.Stream, received bytes: UnsafeRawBufferPointer) {
                text += String(decoding: bytes, as: UTF8.self)
                stream.stopReading()
            }
            func streamReachedEnd(_ stream: EventLoop.Stream) { ends += 1 }
            func streamDrained(_ stream: EventLoop.Stream) {}
            func stream(_ stream: EventLoop.Stream, failed error: SystemError) {}
        }
        let loop = try Loop()
        let both = try SecurePair(loop)
        both.shakeHands(loop)
        both.server.stopReading()
        let stopper = Stopper()
        both.server.delegate = stopper
        both.client.write("last")
        both.client.finish()
        loop.turn(milliseconds: 10)
        both.server.startReading()
        loop.expect({ stopper.text == "last" }, "the bytes arrive")
        loop.turn(milliseconds: 10)
        #expect(stopper.ends == 0)
        both.server.startReading()
        both.server.stopReading()
        loop.turn(milliseconds: 10)
        #expect(stopper.ends == 0)
        both.server.startReading()
        loop.expect({ stopper.ends == 1 }, "the end arrives")
        loop.turn(milliseconds: 10)
        #expect(stopper.ends == 1)
        both.close()
        #expect(loop.close())
    }

    /// FIN without close_notify, in the middle of a record.
    @Test func aTruncationIsAnEndWithoutMoreBytes() throws {
        let loop = try Loop()
        let both = try SecurePair(loop)
        both.shakeHands(loop)
        both.client.write("whole")
        let session = try #require(both.client.tls?.session)
        try "cut".utf8.withContiguousStorageIfAvailable { try session.send(UnsafeRawBufferPointer($0)) }
        both.client.send(UnsafeRawBufferPointer(rebasing: session.output.dropLast()))
        both.client.endSending()
        loop.expect({ both.atServer.ended }, "an end")
        #expect(both.atServer.text == "whole" && both.atServer.error == nil)
        both.close()
        #expect(loop.close())
    }

    @Test func plainBytesAtAServerArePassedOnAsSuch() throws {
        let loop = try Loop()
        let both = try SecurePair(loop, isClientPlain: true)
        both.server.write("a secret that must not pass in the clear")
        both.pair.startReading()
        both.client.write("GET / HTTP/1.1\r\n")
        loop.expect({ both.atServer.text == "GET / HTTP/1.1\r\n" }, "as they are")
        #expect(!both.server.isEncrypted && both.atClient.received.isEmpty)
        both.server.write("400")
        both.server.finish()
        loop.expect({ both.atClient.ended }, "the end")
        #expect(both.atClient.text == "400")
        both.close()
        #expect(loop.close())
    }

    @Test func anOwnerMayFinishBeforeTheHandshake() throws {
        let loop = try Loop()
        let both = try SecurePair(loop)
        both.server.write("no")
        both.server.finish()
        both.pair.startReading()
        loop.expect({ both.atClient.ended }, "the end")
        #expect(both.atClient.text == "no")
        both.close()
        #expect(loop.close())
    }

    @Test func nothingIsSentToAServerOfAnotherName() throws {
        let loop = try Loop()
        let both = try SecurePair(loop, name: "other.example")
        both.client.write("a password")
        both.pair.startReading()
        loop.expect({ both.atClient.error != nil && both.atServer.error != nil }, "both fail")
        #expect(both.atClient.error?.isTLS == true)
        #expect(both.atClient.error?.operation.contains("another name") == true)
        #expect(both.atServer.received.isEmpty)
        both.close()
        #expect(loop.close())
    }

    /// Each KeyUpdate asks for an answer, and the peer reads none.
    @Test func aPeerThatAsksAndReadsNothingIsClosed() throws {
        let loop = try Loop()
        let both = try SecurePair(loop)
        both.shakeHands(loop)
        both.client.stopReading()
        // The server's kernel is full of data that the client does not read.
        both.server.write([UInt8](repeating: 0, count: 8 << 20))
        #expect(both.server.queuedBytes > 0)
        let session = try #require(both.client.tls?.session)
        for _ in 0...StreamTLS.writesQueuedMax * 2 {
            SSL_key_update(session.ssl, SSL_KEY_UPDATE_REQUESTED)
            try [UInt8(1)].withUnsafeBytes { try session.send($0) }
            both.client.send(session.output)
            // One read for each, so that OpenSSL answers each.
            let count = both.atServer.received.count
            loop.expect({ both.atServer.received.count > count || both.server.isClosed }, "it is read")
        }
        #expect(both.atServer.error?.operation.contains("reads none") == true)
        both.close()
        #expect(loop.close())
    }

    /// A relay whose one side is encrypted.
    @Test func aRelayCarriesMuchAtThePaceOfTheSlowerSide() throws {
        let loop = try Loop()
        let left = try SecurePair(loop)
        let right = try Pair(loop)
        left.shakeHands(loop)
        right.client.startReading()
        var end: Relay.End?
        let relay = Relay(left.server, right.server, lingerMilliseconds: 200, loop: loop) { end = $0 }
        left.client.stopReading()
        let bytes = (0..<(8 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        var sent = 0
        while sent < bytes.count {
            let part = min(sent + 256 * 1_024, bytes.count)
            right.client.write(Array(bytes[sent..<part]))
            sent = part
        }
        right.client.finish()
        loop.turn(milliseconds: 50)
        #expect(left.server.queuedBytes > 0 && left.server.queuedBytes <= 300 * 1_024, "no more than one read waits")
        left.client.write("up")
        left.client.startReading()
        loop.expect({ left.atClient.ended }, "everything arrives")
        #expect(left.atClient.received == bytes && right.atClient.text == "up")
        left.client.finish()
        loop.expect({ end != nil }, "the relay ends")
        #expect(end == Relay.End(first: .b, cause: .end, bytesAToB: 2, bytesBToA: UInt64(bytes.count)))
        left.close()
        right.close()
        relay.close()
        #expect(loop.close())
    }
}
