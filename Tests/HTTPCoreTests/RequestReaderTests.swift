import Testing

@testable import HTTPCore

@Suite struct RequestReaderTests {
    private static func post(_ length: String, _ more: String = "") -> String {
        "POST /v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\(more)\r\n"
    }

    private func read(_ text: String) -> RequestReader.Step {
        var reader = RequestReader()
        return reader.feed(Array(text.utf8))
    }

    /// Feeds a text in two pieces, and then byte by byte.
    private func readSplit(_ text: String, at split: Int) -> [RequestReader.Step] {
        let bytes = Array(text.utf8)
        var (pair, single) = (RequestReader(), RequestReader())
        var first = pair.feed(bytes[..<split])
        if first == .needMore || first == .expectsAnswer { first = pair.feed(bytes[split...]) }
        var second = RequestReader.Step.needMore
        for byte in bytes {
            second = single.feed(CollectionOfOne(byte))
            if second != .needMore && second != .expectsAnswer { break }
        }
        return [first, second]
    }

    @Test func readsABodyHoweverItsRequestIsSplit() {
        let text = RequestReaderTests.post("11") + "{\"wait\": 1}"
        guard case .request(let whole) = read(text) else {
            Issue.record("not read")
            return
        }
        #expect(String(decoding: whole.body, as: UTF8.self) == "{\"wait\": 1}")
        #expect(whole.leftover == 0)
        for split in 1..<text.utf8.count {
            #expect(readSplit(text, at: split).allSatisfy { $0 == .request(whole) }, "split at \(split)")
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "DELETE /v1/runs/a HTTP/1.1\r\nHost: a\r\n\r\n",
        RequestReaderTests.post("0"),
    ])
    func aRequestWithoutABodyEndsWithItsHead(_ text: String) {
        guard case .request(let request) = read(text) else {
            Issue.record("not read")
            return
        }
        #expect(request.body.isEmpty && request.leftover == 0)
    }

    @Test func countsTheBytesBehindTheBody() {
        guard case .request(let request) = read(RequestReaderTests.post("2") + "{}GET /") else {
            Issue.record("not read")
            return
        }
        #expect(request.body == Array("{}".utf8) && request.leftover == 5)
    }

    @Test func takesABodyOfItsLimitAndNoByteMore() {
        let limit = RequestReader.bodyBytesMax
        guard case .request = read(RequestReaderTests.post("\(limit)") + String(repeating: " ", count: limit)) else {
            Issue.record("a body of the limit was not read")
            return
        }
        guard case .refused(let fault) = read(RequestReaderTests.post("\(limit + 1)")) else {
            Issue.record("a body beyond the limit was not refused")
            return
        }
        #expect(fault.status == 413)
    }

    @Test func aClientThatWaitsForTheInterimAnswerGetsItOnce() {
        var reader = RequestReader()
        let head = RequestReaderTests.post("2", "Expect: 100-continue\r\n")
        #expect(reader.feed(Array(head.utf8)) == .expectsAnswer)
        #expect(reader.feed(Array("{".utf8)) == .needMore)
        guard case .request = reader.feed(Array("}".utf8)) else {
            Issue.record("not read")
            return
        }
        // The body came with its head: nobody waits.
        guard case .request = read(head + "{}") else {
            Issue.record("not read")
            return
        }
    }

    @Test func aFaultOfTheHeadRefusesTheRequest() {
        guard case .refused(let fault) = read("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n") else {
            Issue.record("not refused")
            return
        }
        #expect(fault.status == 411)
    }
}
