import QueueCore
import Testing

@testable import GatewayCore

@Suite struct ParkedSocketTests {
    /// A masked frame whose mask is zero.
    private func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [first, 0x80 | UInt8(payload.count), 0, 0, 0, 0] + payload
    }

    private let head = Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".utf8)

    @Test func messagesWaitAndControlFramesAreAnswered() {
        var socket = ParkedSocket()
        let text = frame(0x81, [1, 2])
        #expect(socket.received(text) == .write([]))
        #expect(socket.received(frame(0x89, [7]) + frame(0x89, [8])) == .write([0x8A, 1, 7, 0x8A, 1, 8]))
        socket.proved()
        #expect(socket.received(text) == .write([]), "the sidecar has not answered")
        #expect(
            socket.answered(head + [0x81, 0]) == .join(toSidecar: text + text, toClient: [0x81, 0], answer: head))
        #expect(socket.state == .over)
        #expect(socket.received(text) == .write([]) && socket.pingDue(now: 99_000) == .write([]))
    }

    @Test func theSidecarsAnswerIsReadHoweverItArrives() {
        for cut in 1..<head.count {
            var socket = ParkedSocket()
            socket.proved()
            #expect(socket.answered(head[..<cut]) == .write([]), "\(cut)")
            #expect(socket.answered(head[cut...]) == .join(toSidecar: [], toClient: [], answer: head), "\(cut)")
        }
    }

    @Test func anAnswerThatIsNo101IsARefusal() {
        var socket = ParkedSocket()
        socket.proved()
        guard case .refuse(let refusal) = socket.answered(Array("HTTP/1.1 404 Not Found\r\n\r\n".utf8)) else {
            Issue.record("it is refused")
            return
        }
        #expect(refusal.code == .workerFailed && refusal.message.contains("HTTP/1.1 404 Not Found"))
        var long = ParkedSocket()
        long.proved()
        #expect(long.answered(Array(repeating: 0x41, count: SidecarAnswer.answerBytesMax)) == .write([]))
        guard case .refuse = long.answered([0x41]) else {
            Issue.record("one byte more is too much")
            return
        }
        var lost = ParkedSocket()
        lost.proved()
        #expect(lost.workerEnded() == .refuse(.workerLost) && lost.state == .over)
    }

    @Test func aClientThatAnswersNoPingHasLeft() {
        var socket = ParkedSocket()
        #expect(socket.pingDue(now: 15_000) == .write([0x89, 0]))
        #expect(socket.pingDue(now: 30_000) == .write([0x89, 0]))
        #expect(socket.received(frame(0x8A, [])) == .write([]))
        #expect(socket.pingDue(now: 45_000) == .write([0x89, 0]), "the answer counts for those before")
        #expect(socket.pingDue(now: 74_999) == .write([0x89, 0]))
        #expect(socket.pingDue(now: 75_000) == .leave([]))
        #expect(socket.state == .over)
    }

    @Test func aClientThatClosesOrBreaksTheProtocolLeaves() {
        var closes = ParkedSocket()
        #expect(closes.received(frame(0x88, [0x03, 0xE8])) == .leave([0x88, 2, 0x03, 0xE8]))
        var breaks = ParkedSocket()
        #expect(breaks.received([0x81, 0x01, 0x61]) == .leave([0x88, 2, 0x03, 0xEA]))
        var floods = ParkedSocket()
        let message: [UInt8] = [0x82, 0xFE, 0xFF, 0xFF, 0, 0, 0, 0] + Array(repeating: 0, count: 65_535)
        guard case .leave(let bytes) = floods.received(message) else {
            Issue.record("too much")
            return
        }
        #expect(Array(bytes[2..<4]) == [0x03, 0xF1], "1009")
        #expect(String(decoding: bytes[4...], as: UTF8.self) == "More than 64 KiB came before a slot was free")
    }

    @Test(arguments: RefusalCode.allCases)
    func aRefusalIsACloseFrame(_ code: RefusalCode) {
        let long = String(repeating: "word ", count: 40)
        let bytes = ParkedSocket.close(for: Refusal(code, long), retryAfterSeconds: 9)
        #expect(bytes[0] == 0x88 && bytes[1] <= 125 && bytes.count == 2 + Int(bytes[1]))
        #expect(Int(bytes[2]) << 8 | Int(bytes[3]) == code.row.closeCode ?? 1_008)
        let short = ParkedSocket.close(for: Refusal(code, "no"), retryAfterSeconds: 9)
        let words = code.row.retries ? "no; retry in 9 s" : "no"
        #expect(String(decoding: short[4...], as: UTF8.self) == words)
    }

    @Test func theSidecarIsAskedForNoExtensionAndNoSubprotocol() throws {
        let lines = ["Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Protocol: a, b"]
        for (target, isKept) in [("/?park=websocket&a=b", false), ("/?a=b", true)] {
            let request = try admit(playwright(target, lines))
            #expect(request.parks == !isKept)
            let text = String(decoding: request.head.composed(session: "s"), as: UTF8.self)
            #expect(text.contains("Sec-WebSocket-Extensions") == isKept)
            #expect(text.contains("Sec-WebSocket-Protocol") == isKept)
            #expect(text.hasPrefix("GET /?a=b HTTP/1.1") && text.contains("Sec-WebSocket-Key"))
        }
        #expect(refusal(playwright("/?park=yes"))?.message.contains("takes websocket") == true)
    }
}
