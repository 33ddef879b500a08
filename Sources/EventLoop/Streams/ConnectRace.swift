/// Connects to the first of several addresses that answers.
///
/// Each address gets an equal part of the time before the next one is tried as well. If an address fails, the next one
/// is tried at once. Earlier attempts continue, because a slow address may still be the right one.
public final class ConnectRace {
    /// Why no address answered: one error per address, in the order of the answers.
    public struct Failure: Error, CustomStringConvertible {
        public let errors: [SystemError]
        public var description: String { errors.map(\.description).joined(separator: "; ") }
    }

    /// Most addresses of one name that are tried.
    static let addressesMax = 8

    private let loop: Loop
    private let deadline: UInt64
    private let partMilliseconds: UInt64
    private var rest: ArraySlice<SocketAddress>
    private var attempts: [ObjectIdentifier: ConnectAttempt] = [:]
    private var errors: [SystemError] = []
    private var timer: Timer?
    private var done: ((Result<Stream, Failure>) -> Void)?

    /// `done` is called once, on the loop, never from inside this call.
    /// - Parameter addresses: at least one; those beyond `addressesMax` are not tried.
    public init(
        loop: Loop, to addresses: [SocketAddress], timeoutMilliseconds: UInt64,
        done: @escaping (Result<Stream, Failure>) -> Void
    ) {
        self.loop = loop
        self.done = done
        rest = addresses.prefix(ConnectRace.addressesMax)
        deadline = loop.now + timeoutMilliseconds
        partMilliseconds = timeoutMilliseconds / UInt64(max(rest.count, 1))
        tryNext()
    }

    /// Gives up; `done` is not called any more. Idempotent, and without effect after `done`.
    public func cancel() {
        done = nil
        timer?.cancel()
        timer = nil
        for attempt in attempts.values { attempt.cancel() }
        attempts = [:]
    }

    private func tryNext() {
        timer?.cancel()
        timer = nil
        guard done != nil, let address = rest.popFirst() else { return }
        var id: ObjectIdentifier?
        let attempt = Stream.connect(
            loop: loop, to: address, timeoutMilliseconds: deadline > loop.now ? deadline - loop.now : 0
        ) { [self] result in
            if let id { attempts[id] = nil }
            answered(result.mapError { SystemError(code: $0.code, operation: "connect to \(address)") })
        }
        id = ObjectIdentifier(attempt)
        attempts[ObjectIdentifier(attempt)] = attempt
        guard !rest.isEmpty else { return }
        timer = loop.schedule(after: partMilliseconds) { [self] in
            timer = nil
            tryNext()
        }
    }

    private func answered(_ result: Result<Stream, SystemError>) {
        guard let call = done else {
            if case .success(let stream) = result { stream.close() }
            return
        }
        switch result {
        case .success(let stream):
            cancel()
            call(.success(stream))
        case .failure(let error):
            errors.append(error)
            if !rest.isEmpty { return tryNext() }
            guard attempts.isEmpty else { return }
            cancel()
            call(.failure(Failure(errors: errors)))
        }
    }
}
