import Testing

@testable import GatewayCore

@Suite struct ClientTests {
    private static let events: [(String, @Sendable (inout Client) -> Client.Action)] = [
        ("admitted", { $0.admitted(isFull: false) }), ("full", { $0.admitted(isFull: true) }),
        ("received", { $0.received() }), ("headRead", silent { $0.headRead() }),
        ("answered", silent { $0.answered() }), ("reachedEnd", { $0.reachedEnd() }), ("failed", { $0.failed() }),
        ("deadline", { $0.deadlinePassed() }), ("proved", silent { $0.proved() }),
        ("held", silent { $0.held() }), ("relayEnded", silent { $0.relayEnded() }),
    ]

    /// An event that asks for nothing.
    private static func silent(
        _ event: @escaping @Sendable (inout Client) -> Void
    ) -> @Sendable (inout Client) -> Client.Action {
        { client in
            event(&client)
            return .none
        }
    }

    private static func client(in state: Client.State) -> Client {
        var client = Client()
        switch state {
        case .accepted: break
        case .readingHead: _ = client.admitted(isFull: false)
        case .waiting:
            _ = client.admitted(isFull: false)
            client.headRead()
        case .relaying:
            _ = client.admitted(isFull: false)
            client.headRead()
            client.proved()
        case .holding:
            _ = client.admitted(isFull: false)
            client.headRead()
            client.held()
        case .closing: _ = client.admitted(isFull: true)
        case .closed: _ = client.failed()
        }
        return client
    }

    /// State × event: what is done, and the state after it where that changes.
    private static let table: [Client.State: [String: String]] = [
        .accepted: [
            "admitted": "readHead → readingHead", "full": "gateway_full → closing", "received": "none",
            "headRead": "none", "answered": "none → closing", "reachedEnd": "close → closed",
            "failed": "close → closed", "deadline": "none", "proved": "none", "held": "none", "relayEnded": "none",
        ],
        .readingHead: [
            "admitted": "none", "full": "none", "received": "parse", "headRead": "none → waiting",
            "answered": "none → closing", "reachedEnd": "close → closed", "failed": "close → closed",
            "deadline": "head_timeout → closing", "proved": "none", "held": "none", "relayEnded": "none",
        ],
        .waiting: [
            "admitted": "none", "full": "none", "received": "breakOff", "headRead": "none",
            "answered": "none → closing", "reachedEnd": "leave → closed", "failed": "leave → closed",
            "deadline": "expireWait", "proved": "none → relaying", "held": "none → holding",
            "relayEnded": "none",
        ],
        .relaying: [
            "admitted": "none", "full": "none", "received": "none", "headRead": "none", "answered": "none",
            "reachedEnd": "none", "failed": "none", "deadline": "none", "proved": "none",
            "held": "none", "relayEnded": "none → closed",
        ],
        .holding: [
            "admitted": "none", "full": "none", "received": "none", "headRead": "none",
            "answered": "none → closing", "reachedEnd": "leave → closed", "failed": "leave → closed",
            "deadline": "none", "proved": "none", "held": "none", "relayEnded": "none",
        ],
        .closing: [
            "admitted": "none", "full": "none", "received": "none", "headRead": "none", "answered": "none",
            "reachedEnd": "close → closed", "failed": "close → closed", "deadline": "close → closed",
            "proved": "none", "held": "none", "relayEnded": "none",
        ],
        .closed: [
            "admitted": "none", "full": "none", "received": "none", "headRead": "none", "answered": "none",
            "reachedEnd": "none", "failed": "none", "deadline": "none", "proved": "none", "held": "none",
            "relayEnded": "none",
        ],
    ]

    @Test(arguments: Client.State.allCases)
    func everyEvent(_ state: Client.State) {
        for (name, event) in Self.events {
            var client = Self.client(in: state)
            #expect(client.state == state)
            let action = event(&client)
            var text = "\(action)"
            if case .answer(let refusal) = action { text = refusal.code.rawValue }
            if client.state != state { text += " → \(client.state)" }
            #expect(text == Self.table[state]?[name], "\(state), \(name)")
        }
    }
}
