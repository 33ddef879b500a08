import QueueCore
import Testing

/// Each state is reached by the events that lead there; then every event is tried in it.
struct StandingTests {
    static func gateway(in state: Standing.State) -> Standing { standing(.gateway, in: state) }

    static func standing(_ kind: Standing.Kind, in state: Standing.State) -> Standing {
        var s = Standing(kind: kind)
        switch state {
        case .away: break
        case .registering: _ = s.connected()
        case .member:
            _ = s.connected()
            _ = s.registered()
        case .leaving:
            _ = s.connected()
            _ = s.registered()
            _ = s.historyLost()
        case .left: s.quit()
        }
        return s
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let state: Standing.State
        let event: String
        let action: Standing.Action
        let next: Standing.State
        var testDescription: String { "\(state) × \(event)" }
    }

    static let table: [Row] = [
        Row(state: .away, event: "connected", action: .register, next: .registering),
        Row(state: .registering, event: "connected", action: .nothing, next: .registering),
        Row(state: .member, event: "connected", action: .nothing, next: .member),
        Row(state: .leaving, event: "connected", action: .nothing, next: .leaving),
        Row(state: .left, event: "connected", action: .nothing, next: .left),
        Row(state: .away, event: "disconnected", action: .nothing, next: .away),
        Row(state: .registering, event: "disconnected", action: .nothing, next: .away),
        Row(state: .member, event: "disconnected", action: .nothing, next: .away),
        Row(state: .leaving, event: "disconnected", action: .nothing, next: .away),
        Row(state: .left, event: "disconnected", action: .nothing, next: .left),
        Row(state: .away, event: "registered", action: .nothing, next: .away),
        Row(state: .registering, event: "registered", action: .serve(anew: false), next: .member),
        Row(state: .member, event: "registered", action: .nothing, next: .member),
        Row(state: .leaving, event: "registered", action: .nothing, next: .leaving),
        Row(state: .left, event: "registered", action: .nothing, next: .left),
        Row(state: .away, event: "askAgain", action: .nothing, next: .away),
        Row(state: .registering, event: "askAgain", action: .register, next: .registering),
        Row(state: .member, event: "askAgain", action: .nothing, next: .member),
        Row(state: .leaving, event: "askAgain", action: .nothing, next: .leaving),
        Row(state: .left, event: "askAgain", action: .nothing, next: .left),
        Row(state: .away, event: "unknown", action: .nothing, next: .away),
        Row(state: .registering, event: "unknown", action: .nothing, next: .registering),
        Row(state: .member, event: "unknown", action: .register, next: .registering),
        Row(state: .leaving, event: "unknown", action: .register, next: .registering),
        Row(state: .left, event: "unknown", action: .nothing, next: .left),
        Row(state: .away, event: "historyLost", action: .nothing, next: .away),
        Row(state: .registering, event: "historyLost", action: .nothing, next: .registering),
        Row(state: .member, event: "historyLost", action: .leave, next: .leaving),
        Row(state: .leaving, event: "historyLost", action: .nothing, next: .leaving),
        Row(state: .left, event: "historyLost", action: .nothing, next: .left),
        Row(state: .away, event: "hasLeft", action: .nothing, next: .away),
        Row(state: .registering, event: "hasLeft", action: .nothing, next: .registering),
        Row(state: .member, event: "hasLeft", action: .nothing, next: .member),
        Row(state: .leaving, event: "hasLeft", action: .register, next: .registering),
        Row(state: .left, event: "hasLeft", action: .nothing, next: .left),
    ]

    static func apply(_ event: String, to s: inout Standing) -> Standing.Action {
        switch event {
        case "connected": return s.connected()
        case "disconnected":
            s.disconnected()
            return .nothing
        case "registered": return s.registered()
        case "askAgain": return s.askAgain()
        case "unknown": return s.unknown()
        case "historyLost": return s.historyLost()
        default: return s.hasLeft()
        }
    }

    @Test(arguments: table) func everyStateMeetsEveryEvent(_ row: Row) {
        var s = Self.gateway(in: row.state)
        let action = Self.apply(row.event, to: &s)
        #expect(action == row.action)
        #expect(s.state == row.next)
    }

    @Test func aConnectionThatComesBackServesWithoutRegistering() {
        var s = Self.gateway(in: .member)
        s.disconnected()
        let got1 = s.connected()
        #expect(got1 == .serve(anew: false))
    }

    @Test func redisThatEndedUsIsServedAnew() {
        var s = Self.gateway(in: .member)
        _ = s.unknown()
        let got2 = s.registered()
        #expect(got2 == .serve(anew: true))
    }

    @Test func aConnectionLostWhileLeavingRegistersAnew() {
        var s = Self.gateway(in: .leaving)
        s.disconnected()
        let got3 = s.connected()
        #expect(got3 == .register)
        let got4 = s.registered()
        #expect(got4 == .serve(anew: true))
    }

    @Test func aWorkerHealsByItsRows() {
        var s = Self.standing(.worker, in: .member)
        let got5 = s.historyLost()
        #expect(got5 == .renew)
        #expect(s.state == .member)
    }
}

struct HistoryTests {
    @Test func aLaterEpochIsALossOnlyToWhoKnewAnEarlierOne() {
        var h = History()
        let got6 = h.heard(epoch: 100, commit: 7, ticket: 3)
        #expect(!got6)
        let got7 = h.heard(epoch: 100, commit: 8, ticket: 2)
        #expect(!got7)
        #expect(h.commit == 8 && h.ticket == 3)
        let got8 = h.heard(epoch: 200, commit: 1, ticket: 0)
        #expect(got8)
        #expect(h.epoch == 200 && h.commit == 1 && h.ticket == 3)
    }

    @Test func lateRepliesOfAnEarlierEpochChangeNothingButTheTicket() {
        var h = History()
        _ = h.heard(epoch: 200, commit: 5, ticket: 1)
        let got9 = h.heard(epoch: 100, commit: 900, ticket: 9)
        #expect(!got9)
        #expect(h.epoch == 200 && h.commit == 5 && h.ticket == 9)
    }

    @Test func repliesOutOfOrderKeepTheHighestCommit() {
        var h = History()
        _ = h.heard(epoch: 1, commit: 5, ticket: 0)
        _ = h.heard(epoch: 1, commit: 4, ticket: 0)
        #expect(h.commit == 5)
    }
}
