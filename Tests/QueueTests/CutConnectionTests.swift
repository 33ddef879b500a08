import EventLoop
import QueueCore
import RedisClient
import TestSupport
import Testing

@testable import Queue

/// The connection to Redis breaks at a chosen command.
@Suite struct CutConnectionTests {
    @Test func aGatewayThatRegisteredAnewSaysSoThoughItsNextCallIsLost() throws {
        let loop = try Loop()
        // In a cluster a client leaves the proxy for the node that has the keys.
        let server = try RedisServer(variant: RedisVariant.wanted == .cluster ? .redis : .wanted)
        let proxy = try CuttingProxy(loop: loop, target: try server.endpointAddress())
        let client = try #require(
            QueueClient(
                loop: loop, endpoint: RedisEndpoint(url: "redis://127.0.0.1:\(proxy.port)"), fleet: "test", node: "g"))
        let gateway = GatewayRecord()
        client.delegate = gateway
        client.declare(Declaration())
        client.start()
        func wait(_ condition: () -> Bool, at location: SourceLocation = #_sourceLocation) {
            let cameTrue = loop.run(until: condition, timeoutMilliseconds: 20_000)
            #expect(cameTrue, "came true in 20 s", sourceLocation: location)
        }
        wait { gateway.available }
        // Redis forgets the fleet; the gateway registers anew, and loses its connection with the limits that follow.
        proxy.cut(at: ScriptLibrary.settings.sha1)
        Stream.connect(loop: loop, to: try server.endpointAddress(), timeoutMilliseconds: 1_000) { result in
            guard case .success(let stream) = result else { return }
            stream.write("FLUSHALL\r\n")
            stream.finish()
            loop.schedule(after: 1) { stream.close() }
        }
        wait { proxy.cuts == 1 }
        wait { gateway.registeredAnew == 1 }
        var stopped = false
        client.stop { stopped = true }
        wait { stopped }
        proxy.close()
        #expect(loop.close(), "no handle is left")
        server.end()
    }

    @Test func acknowledgementsNeverPileUp() throws {
        let fleet = try LiveFleet(slots: 1)
        defer { fleet.end() }
        let worker = try #require(ProcessID("w.0000000000000001"))
        for number in 0..<5_000 {
            let lease = LeaseID(waiter: WaiterID(high: 1, low: UInt64(number)), attempt: 1)
            fleet.client.acknowledge(
                Grant(lease: lease, worker: worker, slot: 0, address: "", pool: "", token: Token(epoch: 1, number: 1)))
        }
        let began = fleet.loop.now
        fleet.wait { fleet.client.acknowledgementsWaiting == 0 }
        #expect(fleet.loop.now - began < 5_000, "not 256 a poll")
    }
}

/// Passes bytes to Redis until a chosen word comes by: then that connection is cut before the word is passed.
private final class CuttingProxy {
    private let loop: Loop
    private let target: SocketAddress
    private var listener: Listener?
    private var pairs: [Pair] = []
    private var word: [UInt8] = []
    private(set) var cuts = 0
    var port: Int { listener?.port ?? 0 }

    init(loop: Loop, target: SocketAddress) throws {
        self.loop = loop
        self.target = target
        listener = try Listener(loop: loop, address: #require(SocketAddress("127.0.0.1:0"))) { [unowned self] client in
            pairs.append(Pair(client, proxy: self))
        }
    }

    func cut(at word: String) { self.word = Array(word.utf8) }

    func close() {
        listener?.close()
        for pair in pairs { pair.close() }
    }

    private func mayPass(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard !word.isEmpty, Array(bytes).firstRange(of: word) != nil else { return true }
        word = []
        cuts += 1
        return false
    }

    private final class Pair: StreamDelegate {
        private let client: Stream
        private unowned let proxy: CuttingProxy
        private var server: Stream?

        init(_ client: Stream, proxy: CuttingProxy) {
            self.client = client
            self.proxy = proxy
            client.delegate = self
            Stream.connect(loop: proxy.loop, to: proxy.target, timeoutMilliseconds: 1_000) { result in
                guard case .success(let stream) = result else { return self.close() }
                guard !client.isClosed else { return stream.close() }
                self.server = stream
                stream.delegate = self
                stream.startReading()
                client.startReading()
            }
        }

        func close() {
            client.close()
            server?.close()
        }

        func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
            if stream === client {
                guard proxy.mayPass(bytes) else { return close() }
                server?.write(bytes)
            } else {
                client.write(bytes)
            }
        }
        func streamReachedEnd(_ stream: Stream) { close() }
        func streamDrained(_ stream: Stream) {}
        func stream(_ stream: Stream, failed error: SystemError) { close() }
    }
}

extension RedisServer {
    fileprivate func endpointAddress() throws -> SocketAddress { try #require(SocketAddress(unixPath: path)) }
}
