import EventLoop

/// Asks sentinels, one after the other, for the primary of a name. The first one that knows an address ends the search.
final class SentinelSearch {
    /// From the lookup of a sentinel's name to its answer.
    static let answerMillisecondsMax: UInt64 = 1_000

    struct Failure: Error { let words: String }

    private let loop: Loop
    private let group: SentinelGroup
    private let done: (Result<RedisEndpoint.Host, Failure>) -> Void
    private var rest: ArraySlice<RedisEndpoint.Host>
    private var current: RedisEndpoint.Host?
    /// Why the sentinels asked so far gave no address.
    private var faults: [String] = []
    private var isUnknownToAll = true
    private var attempt: ConnectAttempt?
    private var stream: Stream?
    private var reader = RedisReader()
    private var timer: Timer?
    private var isOver = false
    /// Grows with each sentinel, so that a late lookup is ignored.
    private var turn = 0

    /// - Parameters:
    ///   - first: the place of the sentinel that is asked first, counted from 0, modulo their number.
    ///   - done: called once, never from inside this call, and not after `cancel`.
    init(
        loop: Loop, group: SentinelGroup, first: Int,
        done: @escaping (Result<RedisEndpoint.Host, Failure>) -> Void
    ) {
        self.loop = loop
        self.group = group
        self.done = done
        let start = first % group.sentinels.count
        rest = (group.sentinels[start...] + group.sentinels[..<start])[...]
        loop.afterThisTurn { [weak self] in self?.askNext() }
    }

    func cancel() {
        isOver = true
        endTurn()
    }

    private func endTurn() {
        turn += 1
        timer?.cancel()
        timer = nil
        attempt?.cancel()
        attempt = nil
        stream?.close()
        stream = nil
        reader = RedisReader()
    }

    private func askNext() {
        guard !isOver else { return }
        endTurn()
        guard let sentinel = rest.popFirst() else { return finish(.failure(Failure(words: words))) }
        current = sentinel
        let turn = turn
        timer = loop.schedule(after: SentinelSearch.answerMillisecondsMax) { [weak self] in
            self?.failed("no answer in \(SentinelSearch.answerMillisecondsMax) ms")
        }
        resolveAll(loop: loop, host: sentinel.name, port: sentinel.port) { [weak self] result in
            guard let self, self.turn == turn, !isOver else { return }
            switch result {
            case .success(let found): connect(found[0])
            case .failure(let error): failed("\(error)")
            }
        }
    }

    private func connect(_ address: SocketAddress) {
        attempt = Stream.connect(
            loop: loop, to: address, timeoutMilliseconds: SentinelSearch.answerMillisecondsMax
        ) { [weak self] result in
            guard let self else {
                (try? result.get())?.close()
                return
            }
            attempt = nil
            switch result {
            case .success(let stream):
                self.stream = stream
                stream.delegate = self
                stream.startReading()
                stream.write(redisCommand("SENTINEL", "get-master-addr-by-name", group.name))
            case .failure(let error): failed("\(error)")
            }
        }
    }

    private func answered(_ reply: RedisReply) {
        if case .null = reply {
            failed("it knows no primary of that name", isUnknown: true)
        } else if let parts = reply.elements, parts.count == 2, let name = parts[0].text, let port = parts[1].int,
            (1...65535).contains(port)
        {
            finish(.success(RedisEndpoint.Host(name: name, port: Int(port))))
        } else {
            failed(reply.errorText ?? "its answer is no address")
        }
    }

    private func failed(_ reason: String, isUnknown: Bool = false) {
        guard !isOver, let sentinel = current else { return }
        isUnknownToAll = isUnknownToAll && isUnknown
        faults.append("\(sentinel): \(reason)")
        askNext()
    }

    private var words: String {
        if isUnknownToAll {
            return "no sentinel of \(group) knows a primary named \(group.name): write the name of their lines "
                + "`sentinel monitor <name> …`"
        }
        return "no sentinel names the primary \(group.name): \(faults.joined(separator: "; "))"
    }

    private func finish(_ result: Result<RedisEndpoint.Host, Failure>) {
        cancel()
        done(result)
    }
}

extension SentinelSearch: StreamDelegate {
    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        reader.feed(bytes)
        do throws(RedisReader.ProtocolError) {
            if let reply = try reader.next() { answered(reply) }
        } catch {
            failed("not the Redis protocol: \(error.message)")
        }
    }

    func streamReachedEnd(_ stream: Stream) { failed("it closed the connection") }
    func streamDrained(_ stream: Stream) {}
    func stream(_ stream: Stream, failed error: SystemError) { failed("\(error)") }
}

/// The sentinels that watch one primary, and its name there.
struct SentinelGroup: Hashable, Sendable, CustomStringConvertible {
    /// Most sentinels in a URL.
    static let sentinelsMax = 16

    let sentinels: [RedisEndpoint.Host]
    let name: String

    var description: String { sentinels.map(\.description).joined(separator: ",") }
}
