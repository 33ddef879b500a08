import EventLoop
import Glibc
import TestSupport
import Testing

@Suite struct StreamTests {
    @Test(arguments: [false, true]) func bytesAndEndsPassBothWays(unix: Bool) throws {
        let loop = try Loop()
        let folder = try TemporaryFolder()
        let pair = try Pair(loop, unixPath: unix ? folder.path + "/s" : nil)
        pair.startReading()
        pair.client.write("ping")
        pair.server.write(Array("pong".utf8))
        loop.expect({ pair.atServer.text == "ping" && pair.atClient.text == "pong" }, "both arrive")
        pair.client.finish()
        loop.expect({ pair.atServer.ended }, "FIN arrives")
        pair.server.write(" late")
        loop.expect({ pair.atClient.text == "pong late" }, "the other half stays open")
        pair.close()
        #expect(loop.close())
    }

    @Test func slowReaderQueuesAndDrainsOnceThenFINComesLast() throws {
        let loop = try Loop()
        let pair = try Pair(loop)
        let bytes = [UInt8](repeating: 7, count: 16 << 20)
        pair.client.write(bytes)
        #expect(pair.client.queuedBytes > 0)
        pair.client.write([1, 2, 3])
        pair.client.finish()
        pair.client.write([9])
        pair.startReading()
        loop.expect({ pair.atServer.ended }, "the end arrives")
        #expect(pair.atServer.received.count == bytes.count + 3)
        #expect(pair.atServer.received.suffix(4) == [7, 1, 2, 3])
        #expect(pair.atClient.drains == 1)
        #expect(pair.client.queuedBytes == 0)
        pair.close()
        #expect(loop.close())
    }

    @Test func stoppedReadingLeavesBytesInTheKernel() throws {
        let loop = try Loop()
        let pair = try Pair(loop)
        pair.startReading()
        pair.server.stopReading()
        pair.client.write("x")
        loop.turn(milliseconds: 20)
        #expect(pair.atServer.received.isEmpty && !pair.server.isReading)
        pair.server.startReading()
        loop.expect({ pair.atServer.text == "x" }, "the byte was kept")
        pair.close()
        #expect(loop.close())
    }

    @Test func resetIsSeenAsAnErrorAndClosesTheStream() throws {
        let loop = try Loop()
        let pair = try Pair(loop)
        pair.startReading()
        pair.client.reset()
        pair.client.reset()
        pair.client.close()
        loop.expect({ pair.atServer.error != nil }, "RST arrives")
        #expect(pair.atServer.error?.code == -ECONNRESET)
        #expect(pair.server.isClosed && pair.server.delegate == nil && pair.server.queuedBytes == 0)
        #expect(loop.close())
    }

    @Test func resetAfterFinishStillResets() throws {
        let loop = try Loop()
        let pair = try Pair(loop)
        pair.server.startReading()
        pair.client.write([UInt8](repeating: 1, count: 16 << 20))
        pair.client.finish()
        pair.client.reset()
        loop.expect({ pair.atServer.error != nil }, "RST arrives")
        pair.close()
        #expect(loop.close())
    }

    @Test func writeToAGonePeerFailsFromTheLoopNotFromTheCall() throws {
        let loop = try Loop()
        let pair = try Pair(loop)
        pair.server.reset()
        loop.turn(milliseconds: 10)
        pair.client.write("a")
        pair.client.write("b")
        #expect(pair.atClient.error == nil)
        loop.expect({ pair.atClient.error != nil }, "the error is reported")
        pair.close()
        #expect(loop.close())
    }

    @Test func closingInsideTheDelegateIsSafe() throws {
        final class Closer: StreamDelegate {
            var calls = 0
            func stream(_ stream: EventLoop.Stream, received bytes: UnsafeRawBufferPointer) {
                calls += 1
                stream.close()
            }
            func streamReachedEnd(_ stream: EventLoop.Stream) { calls += 1 }
            func streamDrained(_ stream: EventLoop.Stream) { calls += 1 }
            func stream(_ stream: EventLoop.Stream, failed error: SystemError) { calls += 1 }
        }
        let loop = try Loop()
        let pair = try Pair(loop)
        let closer = Closer()
        pair.server.delegate = closer
        pair.server.startReading()
        pair.server.write([UInt8](repeating: 1, count: 16 << 20))
        pair.client.write([UInt8](repeating: 2, count: 1 << 20))
        loop.expect({ pair.server.isClosed }, "closed by its delegate")
        loop.turn(milliseconds: 10)
        #expect(closer.calls == 1)
        pair.close()
        #expect(loop.close())
    }

    @Test func addressesOfBothEndsAgree() throws {
        let loop = try Loop()
        let pair = try Pair(loop)
        #expect(pair.client.peerAddress == pair.server.localAddress)
        #expect(pair.client.localAddress == pair.server.peerAddress)
        #expect(pair.client.localAddress.hasPrefix("127.0.0.1:"))
        pair.client.keepAlive(KeepAlive(idleSeconds: 3, intervalSeconds: 2, count: 3))
        pair.close()
        #expect(pair.client.peerAddress.isEmpty)
        #expect(loop.close())
    }

    @Test func closedStreamIsFreed() throws {
        let loop = try Loop()
        weak var client: EventLoop.Stream?
        weak var recorder: Recorder?
        do {
            let pair = try Pair(loop)
            client = pair.client
            recorder = pair.atClient
            pair.close()
        }
        loop.run()
        #expect(client == nil && recorder == nil)
        #expect(loop.close())
    }
}
