import Doctor
import EventLoop

/// Asks a gateway the question of a load balancer, `OPTIONS /`, as a client reaches it.
final class DoorProbe: StreamDelegate {
    static let timeoutMilliseconds: UInt64 = 5_000
    /// The longest first line that is read.
    private static let lineMax = 4_096

    private let loop: Loop
    private let address: String
    private let resolver: Resolver
    private var race: ConnectRace?
    private var stream: Stream?
    private var timer: Timer?
    private var line: [UInt8] = []
    private var done: ((DoorFacts) -> Void)?

    /// - Parameter address: `host:port`; the host may be a name.
    init(loop: Loop, resolver: Resolver, address: String, done: @escaping (DoorFacts) -> Void) {
        self.loop = loop
        self.address = address
        self.resolver = resolver
        self.done = done
        timer = loop.schedule(after: Self.timeoutMilliseconds) { [self] in
            finish(.unreachable(address: address, words: "no answer in \(Self.timeoutMilliseconds) ms"))
        }
        guard let (host, port) = SocketAddress.split(address) else {
            loop.afterThisTurn { [self] in finish(.unreachable(address: address, words: "that is no host:port")) }
            return
        }
        resolver.resolve(host: host, port: port) { [self] result in
            switch result {
            case .success(let found): connect(to: found)
            case .failure(let error): finish(.unreachable(address: address, words: "\(host): \(error)"))
            }
        }
    }

    private func connect(to addresses: [SocketAddress]) {
        guard done != nil else { return }
        race = ConnectRace(loop: loop, to: addresses, timeoutMilliseconds: Self.timeoutMilliseconds) { [self] result in
            switch result {
            case .success(let stream):
                self.stream = stream
                stream.delegate = self
                stream.write("OPTIONS / HTTP/1.1\r\nHost: \(address)\r\nConnection: close\r\n\r\n")
                stream.startReading()
            case .failure(let failure): finish(.unreachable(address: address, words: "\(failure)"))
            }
        }
    }

    private func finish(_ facts: DoorFacts) {
        guard let done else { return }
        self.done = nil
        timer?.cancel()
        timer = nil
        race?.cancel()
        race = nil
        stream?.close()
        stream = nil
        done(facts)
    }

    // MARK: The answer

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        line += bytes
        guard let end = line.firstIndex(of: 0x0A) else {
            if line.count > Self.lineMax { finish(noHTTP) }
            return
        }
        let words = String(decoding: line[..<end], as: UTF8.self).split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1].prefix { $0.isNumber }) else {
            return finish(noHTTP)
        }
        finish(.answered(address: address, status: status))
    }

    private var noHTTP: DoorFacts {
        .unreachable(address: address, words: "its answer is not HTTP: the doctor speaks neither TLS nor HTTP/2")
    }

    func streamReachedEnd(_ stream: Stream) {
        finish(.unreachable(address: address, words: "it closed without an answer"))
    }

    func streamDrained(_ stream: Stream) {}

    func stream(_ stream: Stream, failed error: SystemError) {
        self.stream = nil
        finish(.unreachable(address: address, words: "\(error)"))
    }
}
