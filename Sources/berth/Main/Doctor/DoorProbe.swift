import Doctor
import EventLoop
import SlotRun

/// Asks a gateway the question of a load balancer, `OPTIONS /`, as a client reaches it.
final class DoorProbe {
    static let timeoutMilliseconds: UInt64 = 5_000
    /// The longest first line that is read.
    private static let lineMax = 4_096

    /// As the operator wrote it.
    private let address: String
    private let target: GatewayAddress
    private var call: GatewayCall?
    private var timer: Timer?
    private var line: [UInt8] = []
    private var done: ((DoorFacts) -> Void)?

    /// - Parameters:
    ///   - address: `host:port`, or a URL of `ws` or `wss`; the host may be a name.
    ///   - authorities: for `wss`, a file of PEM certificates; nil for those that the system trusts.
    init(
        loop: Loop, resolver: Resolver, address: String, authorities: String?, done: @escaping (DoorFacts) -> Void
    ) {
        self.address = address
        target = GatewayAddress(address)
        self.done = done
        timer = loop.schedule(after: Self.timeoutMilliseconds) { [self] in
            finish(.unreachable(address: address, words: "no answer in \(Self.timeoutMilliseconds) ms"))
        }
        let request = "OPTIONS / HTTP/1.1\r\nHost: \(target.authority)\r\nConnection: close\r\n\r\n"
        call = GatewayCall(
            loop: loop, resolver: resolver, address: target, authorities: authorities, request: Array(request.utf8)
        ) { [self] event in
            switch event {
            case .received(let bytes): read(bytes)
            case .ended(let words, _): finish(.unreachable(address: address, words: words))
            }
        }
    }

    private func finish(_ facts: DoorFacts) {
        guard let done else { return }
        self.done = nil
        timer?.cancel()
        timer = nil
        call?.close()
        call = nil
        done(facts)
    }

    private func read(_ bytes: UnsafeRawBufferPointer) {
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
        .unreachable(address: address, words: "its answer is not HTTP/1.1. For TLS write wss://\(target.authority)")
    }
}
