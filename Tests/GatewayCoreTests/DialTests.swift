import QueueCore
import Testing

@testable import GatewayCore

@Suite struct DialTests {
    private static let paths: [String: @Sendable (inout Dial) -> Void] = [
        "granted": { _ in },
        "dialing": { $0.began() },
        "proved": {
            $0.began()
            _ = $0.proved()
        },
        "rejected": {
            $0.began()
            _ = $0.failed(.rejected(.occupied))
        },
    ]

    private static let events: [String: @Sendable (inout Dial) -> String] = [
        "began": {
            $0.began()
            return ""
        },
        "proved": { $0.proved() ? "session " : "" },
        "unreachable": { $0.failed(.unreachable).map { "reject(\($0)) " } ?? "" },
        "local": { $0.failed(.local).map { "reject(\($0)) " } ?? "" },
        "worker": { $0.failed(.rejected(.stale)).map { "reject(\($0)) " } ?? "" },
    ]

    /// State × event: what the caller is told, and the state after it. An event that is not listed does nothing.
    private static let table: [String: [String: String]] = [
        "granted": [
            "began": "→ dialing", "unreachable": "reject(unreachable) → rejected(unreachable)",
            "local": "reject(local) → rejected(local)", "worker": "reject(stale) → rejected(stale)",
        ],
        "dialing": [
            "proved": "session → proved", "unreachable": "reject(unreachable) → rejected(unreachable)",
            "local": "reject(local) → rejected(local)", "worker": "reject(stale) → rejected(stale)",
        ],
        "proved": [:],
        "rejected": [:],
    ]

    @Test(arguments: ["granted", "dialing", "proved", "rejected"])
    func everyEvent(_ state: String) throws {
        for (name, event) in Self.events {
            var dial = Dial(.sample(1))
            let path = try #require(Self.paths[state])
            path(&dial)
            #expect(words(dial.state).hasPrefix(state))
            #expect(dial.isUnderWay == ["granted", "dialing"].contains(state))
            let before = dial.state
            var text = event(&dial)
            if dial.state != before { text += "→ " + words(dial.state) }
            #expect(text == Self.table[state]?[name] ?? "", "\(state), \(name)")
        }
    }

    private func words(_ state: Dial.State) -> String {
        switch state {
        case .granted: "granted"
        case .dialing: "dialing"
        case .proved: "proved"
        case .rejected(let reason): "rejected(\(reason))"
        }
    }
}
