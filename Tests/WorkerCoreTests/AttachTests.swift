import Testing

@testable import WorkerCore

@Suite struct AttachAddressTests {
    @Test(arguments: [
        ("ws://10.0.0.7:9222/devtools/browser/x", "10.0.0.7", 9_222, "/devtools/browser/x"),
        ("ws://10.0.0.7:80", "10.0.0.7", 80, ""),
        ("http://10.0.0.8:9222", "10.0.0.8", 9_222, nil),
        ("http://browser-1.internal:9222/", "browser-1.internal", 9_222, nil),
        ("ws://[fd00::7]:9222/x", "fd00::7", 9_222, "/x"),
    ])
    func isRead(text: String, host: String, port: Int, path: String?) throws {
        let address = try AttachAddress(text)
        #expect(address.host == host && address.port == port && address.path == path && "\(address)" == text)
    }

    @Test(arguments: [
        ("wss://10.0.0.7:9222/x", "needs TLS"), ("https://10.0.0.7:9222", "needs TLS"),
        ("10.0.0.7:9222", "is no endpoint: write ws://host:port/path"), ("", "is no endpoint"),
        ("ws://10.0.0.7/x", "has no port"), ("ws://10.0.0.7:0/x", "has no port"),
        ("ws://10.0.0.7:65536", "has no port"),
        ("ws://:9222/x", "has no host"), ("ws://user@host:9222/x", "has no host"),
        ("ws://fd00::7:9222/x", "has no host"),
        ("ws://[host]:9222/x", "has no host"),
        ("ws://[]:9222/x", "has no host"),
        ("ws://10.0.0.7:9222/x?token=1", "has a query"), ("ws://10.0.0.7:9222/x#y", "has a query"),
        ("http://10.0.0.7:9222/json", "has a path: write http://host:port"),
    ])
    func isRefusedInWords(text: String, words: String) {
        let failure = #expect(throws: AttachAddress.Failure.self) { try AttachAddress(text) }
        #expect(failure?.description.hasPrefix("'\(text)' \(words)") == true, "\(failure?.description ?? "")")
    }
}

@Suite struct DebuggerAnswerTests {
    private let answer = """
        HTTP/1.1 200 OK\r
        Content-Type: application/json\r
        \r
        {
           "Browser": "Chrome/156.0.8078.108",
           "webSocketDebuggerUrl": "ws://localhost:9222/devtools/browser/4204e164"
        }
        """

    @Test func thePathIsFoundAsSoonAsItIsThere() {
        let bytes = Array(answer.utf8)
        let end = bytes.count - 2
        for count in 0..<end { #expect(DebuggerAnswer.read(Array(bytes[..<count]), isEnded: false) == .incomplete) }
        for count in end...bytes.count {
            #expect(
                DebuggerAnswer.read(Array(bytes[..<count]), isEnded: false) == .path("/devtools/browser/4204e164"))
        }
    }

    @Test(arguments: [
        ("", "it sent no answer"),
        ("HTTP/1.1 404 Not Found\r\n\r\n", "it answered HTTP/1.1 404 Not Found"),
        ("SSH-2.0-OpenSSH\r\n", "it answered SSH-2.0-OpenSSH"),
        ("HTTP/1.1 200 OK\r\n\r\n{}", "its answer has no webSocketDebuggerUrl"),
        ("HTTP/1.1 200 OK\r\n\r\n{\"webSocketDebuggerUrl\": \"ws://x", "its answer is cut off"),
        ("HTTP/1.1 200 OK\r\n\r\n{\"webSocketDebuggerUrl\": \"x\"}", "its webSocketDebuggerUrl is no ws:// URL: x"),
        ("HTTP/1.1 200 OK\r\n\r\n{\"webSocketDebuggerUrl\": \"http://h:1\"}", "its webSocketDebuggerUrl is no"),
    ])
    func otherAnswersAreToldInWords(text: String, words: String) {
        guard case .unusable(let why) = DebuggerAnswer.read(Array(text.utf8), isEnded: true) else {
            Issue.record("\(text) is read")
            return
        }
        #expect(why.hasPrefix(words))
    }

    @Test func aLongAnswerIsNotReadToItsEnd() {
        let long = Array("HTTP/1.1 200 OK\r\n\r\n".utf8) + Array(repeating: 0x20, count: DebuggerAnswer.answerBytesMax)
        #expect(
            DebuggerAnswer.read(Array(long.prefix(DebuggerAnswer.answerBytesMax)), isEnded: false)
                == .unusable("its answer has no webSocketDebuggerUrl"))
    }
}
