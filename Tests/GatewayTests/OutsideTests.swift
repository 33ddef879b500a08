import GatewayCore
import QueueCore
import TestSupport
import Testing

@testable import Gateway
@testable import Queue

/// What clients are told whose wait somebody else ended, or whose name somebody else has.
@Suite struct OutsideTests {
    @Test func anAliasIsTakenUntilItsWaiterIsEnded() throws {
        let site = try Site()
        let first = site.visit()
        site.wait { first.text.contains(" 101 ") }
        let second = site.visit("/pool/echo/x?waiter=me&run=ci")
        site.wait { site.logged("queued").count == 1 }
        let third = site.visit("/pool/echo/x?waiter=me")
        site.wait { third.isEnded }
        #expect(third.status == 409 && third.text.contains("alias_taken"))
        var reply: EndReply?
        site.gateway.queue.end(.run("ci"), tenant: "default") { reply = $0 }
        site.wait { second.isEnded && reply != nil }
        #expect(reply == .ended(count: 1))
        #expect(second.status == 410 && second.text.contains("ended by request"))
        let fourth = site.visit("/pool/echo/x?waiter=me")
        first.stream?.close()
        site.wait { fourth.text.contains(" 101 ") }
        #expect(site.workers[0].heads.allSatisfy { !$0.contains("waiter") })
        fourth.stream?.close()
        site.end()
    }
}
