import ArgumentParser
import EventLoop

/// The server side of a benchmark. It answers a handshake, then echoes the bytes unchanged (`/echo`), streams until the
/// client stops it (`/source`), or reads and forgets (`/sink`). It does not read or unmask frames, because only the
/// relay between is to be measured.
struct BenchPeerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peer", abstract: "Echoes raw bytes after a handshake on a free loopback port.")

    func run() throws {
        let loop = try Loop()
        let chunk = BenchPeer.chunk()
        var peers: [ObjectIdentifier: BenchPeer] = [:]
        let listener = try Listener(loop: loop, address: SocketAddress("127.0.0.1:0")!) { stream in
            let peer = BenchPeer(stream: stream, chunk: chunk) {
                peers[ObjectIdentifier($0)] = nil
            }
            peers[ObjectIdentifier(peer)] = peer
        }
        BenchCommand.say("ws://127.0.0.1:\(listener.port)/")
        loop.run()
    }
}

/// One connection of the peer.
///
/// On `/source` a byte from the client starts or stops the stream, so that a run needs no new handshake.
final class BenchPeer: StreamDelegate {
    static let start: UInt8 = 1
    static let stop: UInt8 = 0
    private static let chunkBytes = 64 * 1_024
    /// A connection writes at most this many bytes before other connections have their turn.
    private static let turnBytes = 1_024 * 1_024

    /// The bytes that `/source` sends, again and again.
    static func chunk() -> UnsafeRawBufferPointer { BenchFrame.filled(bytes: chunkBytes) }

    private enum State { case head([UInt8]), echo, source(isOn: Bool), sink, ended }

    private let stream: Stream
    private let chunk: UnsafeRawBufferPointer
    private let onEnd: (BenchPeer) -> Void
    private var state = State.head([])

    /// - Parameter head: the part of the client's head that was read before.
    init(
        stream: Stream, chunk: UnsafeRawBufferPointer, head: [UInt8] = [], onEnd: @escaping (BenchPeer) -> Void
    ) {
        self.stream = stream
        self.chunk = chunk
        self.onEnd = onEnd
        stream.delegate = self
        stream.startReading()
        if !head.isEmpty { read(head: head) }
    }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        // A worker's ping to a sidecar that is quiet (RFC 6455, section 5.5.2). Without an answer the session ends.
        if bytes.count == 6, bytes[0] == 0x89 { return stream.write([0x8A, 0]) }
        switch state {
        case .echo:
            stream.write(bytes)
            if stream.queuedBytes > 0 { stream.stopReading() }
        case .source(let wasOn):
            let isOn = bytes.last == BenchPeer.start
            state = .source(isOn: isOn)
            if isOn && !wasOn { send() }
        case .head(let before): read(head: before + Array(bytes))
        case .sink, .ended: break
        }
    }

    func streamDrained(_ stream: Stream) {
        switch state {
        case .echo: stream.startReading()
        case .source(isOn: true): send()
        default: break
        }
    }

    func streamReachedEnd(_ stream: Stream) { end() }
    func stream(_ stream: Stream, failed error: SystemError) { end() }

    private func send() {
        for _ in 0..<(BenchPeer.turnBytes / BenchPeer.chunkBytes) {
            guard case .source(isOn: true) = state, stream.queuedBytes == 0 else { return }
            stream.write(chunk)
        }
        if stream.queuedBytes == 0 { stream.loop.afterThisTurn { self.send() } }
    }

    private func read(head bytes: [UInt8]) {
        let head = String(decoding: bytes, as: UTF8.self)
        guard head.hasSuffix("\r\n\r\n") else {
            state = .head(bytes)
            if bytes.count > Handshake.headMax { end() }
            return
        }
        let (answer, opens) = Handshake.answer(to: head)
        stream.write(answer)
        guard opens else { return stream.finish() }
        let target = head.split(separator: " ").dropFirst().first ?? ""
        switch target.split(separator: "/").last {
        case "source": state = .source(isOn: false)
        case "sink": state = .sink
        default: state = .echo
        }
    }

    private func end() {
        state = .ended
        stream.close()
        onEnd(self)
    }
}
