import EventLoop
import GatewayCore
import Queue
import QueueCore

/// A question or an order of the API: one call to Redis, and its answer.
final class APIErrand: Errand {
    /// From the request to its answer.
    static let milliseconds: UInt64 = 10_000

    private let call: APICall
    private let tenant: String
    private unowned let server: GatewayServer
    let nextCheck: UInt64
    private var done: ((Result<[UInt8], Refusal>) -> Void)?

    /// - Parameter done: called once, unless the client leaves first.
    init(
        _ call: APICall, tenant: String, server: GatewayServer, done: @escaping (Result<[UInt8], Refusal>) -> Void
    ) {
        self.call = call
        self.tenant = tenant
        self.server = server
        nextCheck = server.loop.now + APIErrand.milliseconds
        self.done = done
    }

    func begin() {
        let inspector = server.inspector
        switch call {
        case .listSessions(let run):
            inspector.sessions(ofRun: run, tenant: tenant) { [self] in answer($0) { APIAnswer.sessions($0) } }
        case .showSession(let lease):
            inspector.session(lease, tenant: tenant) { [self] in
                answer($0, orElse: .noSuchSession) { APIAnswer.session($0) }
            }
        case .showWaiter(let name):
            inspector.place(of: name, tenant: tenant) { [self] in
                answer($0, orElse: .noSuchWaiter) { APIAnswer.waiter($0) }
            }
        case .estimate(let selector):
            inspector.place(ofNew: selector, tenant: tenant) { [self] in
                answer($0, orElse: .noSuchWaiter) { APIAnswer.estimate($0) }
            }
        case .usage(let days):
            inspector.usage(of: tenant, days: days) { [self] in
                answer($0) { [tenant] in APIAnswer.usage($0, of: tenant) }
            }
        case .endSession(let lease): end(.lease(lease), orElse: .noSuchSession)
        case .endWaiter(let name): end(.waiter(name), orElse: .noSuchWaiter)
        case .endRun(let run): end(.run(run), orElse: nil)
        }
    }

    func clientLeft() { done = nil }
    func clientBroke() { finish(.failure(.bytesBehindHead)) }
    func deadlinePassed() { finish(.failure(.storeUnavailable)) }
    func drainTimePassed() { finish(.failure(.shuttingDown)) }
    func sessionEnded(_ end: Relay.End) {}

    private func answer<Found>(
        _ result: Result<Found?, Inspector.Failure>, orElse refusal: Refusal, _ words: (Found) -> [UInt8]
    ) {
        switch result {
        case .success(let found?): finish(.success(words(found)))
        case .success(nil): finish(.failure(refusal))
        case .failure: finish(.failure(.storeUnavailable))
        }
    }

    private func answer<Found>(_ result: Result<Found, Inspector.Failure>, _ words: (Found) -> [UInt8]) {
        switch result {
        case .success(let found): finish(.success(words(found)))
        case .failure: finish(.failure(.storeUnavailable))
        }
    }

    private func end(_ target: EndTarget, orElse refusal: Refusal?) {
        server.queue.end(target, tenant: tenant) { [self] reply in
            switch (reply, refusal) {
            case (.ended(let count), nil): finish(.success(APIAnswer.ended(count: count)))
            case (.ended, _): finish(.success(APIAnswer.ended))
            case (.notFound, let refusal?): finish(.failure(refusal))
            case (.notFound, nil): finish(.success(APIAnswer.ended(count: 0)))
            }
        }
    }

    private func finish(_ result: Result<[UInt8], Refusal>) {
        let call = done
        done = nil
        call?(result)
    }
}
