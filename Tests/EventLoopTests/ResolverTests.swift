import CUV
import Testing

@testable import EventLoop

/// A name server that answers when the test says so.
private final class Names {
    private(set) var asked: [String] = []
    private var open: [(String, (AddressCache.Answer) -> Void)] = []

    func lookUp(_ host: String, _ done: @escaping (AddressCache.Answer) -> Void) {
        asked.append(host)
        open.append((host, done))
    }

    func answer(_ host: String, _ result: AddressCache.Answer) {
        guard let index = open.firstIndex(where: { $0.0 == host }) else { return }
        open.remove(at: index).1(result)
    }
}

@Suite struct ResolverTests {
    private let found = AddressCache.Answer.success([SocketAddress("10.0.0.1:0")!, SocketAddress("10.0.0.2:0")!])
    private let failed = AddressCache.Answer.failure(SystemError(code: UV_EAI_AGAIN.rawValue, operation: "resolve"))

    @Test func aNameIsLookedUpOnceForAllThatAsk() throws {
        let loop = try Loop()
        let names = Names()
        let resolver = Resolver(loop: loop, lookUp: names.lookUp)
        var texts: [[String]] = []
        for port in [1, 2] {
            resolver.resolve(host: "a", port: port) { texts.append((try? $0.get().map(\.description)) ?? []) }
        }
        names.answer("a", found)
        #expect(texts == [["10.0.0.1:1", "10.0.0.2:1"], ["10.0.0.1:2", "10.0.0.2:2"]])
        resolver.resolve(host: "a", port: 3) { texts.append((try? $0.get().map(\.description)) ?? []) }
        #expect(texts.count == 2, "never from inside the call")
        #expect(loop.run(until: { texts.count == 3 }, timeoutMilliseconds: 10_000))
        #expect(texts[2] == ["10.0.0.1:3", "10.0.0.2:3"])
        #expect(names.asked == ["a"])
        #expect(loop.close())
    }

    @Test func aServerThatDoesNotAnswerHoldsTwoLookupsAndFurtherNamesFailAtOnce() throws {
        let loop = try Loop()
        let names = Names()
        let resolver = Resolver(loop: loop, lookUp: names.lookUp)
        var answers: [String: Bool] = [:]
        func ask(_ name: String) {
            resolver.resolve(host: name, port: 1) { result in
                answers[name] = if case .success = result { true } else { false }
            }
        }
        for number in 0..<(Resolver.lookupsMax + Resolver.waitingMax) { ask("n\(number)") }
        #expect(names.asked == ["n0", "n1"])
        ask("one more")
        #expect(loop.run(until: { !answers.isEmpty }, timeoutMilliseconds: 10_000))
        #expect(answers == ["one more": false])
        names.answer("n1", failed)
        #expect(answers["n1"] == false)
        #expect(names.asked == ["n0", "n1", "n2"])
        names.answer("n2", found)
        #expect(answers["n2"] == true)
        #expect(names.asked.last == "n3")
        #expect(loop.close())
    }

    @Test func answersAreKeptForSecondsAndFailuresForOne() {
        var cache = AddressCache()
        cache.put("a", found, now: 0)
        cache.put("b", failed, now: 0)
        #expect(cache.answer("a", now: AddressCache.foundMilliseconds - 1) == found)
        #expect(cache.answer("a", now: AddressCache.foundMilliseconds) == nil)
        #expect(cache.answer("b", now: AddressCache.failedMilliseconds - 1) == failed)
        #expect(cache.answer("b", now: AddressCache.failedMilliseconds) == nil)
    }

    @Test func namesAreBounded() {
        var cache = AddressCache()
        for number in 0...AddressCache.namesMax { cache.put("n\(number)", found, now: UInt64(number)) }
        #expect(cache.count == AddressCache.namesMax)
        #expect(cache.answer("n0", now: 1) == nil)
        #expect(cache.answer("n\(AddressCache.namesMax)", now: 1) == found)
    }

    @Test func onlyAnAnswerOfTheNameServerIsAnUnknownName() {
        func error(_ code: uv_errno_t) -> SystemError { SystemError(code: code.rawValue, operation: "resolve") }
        #expect(error(UV_EAI_NONAME).isUnknownName && error(UV_EAI_NODATA).isUnknownName)
        for code in [UV_EAI_AGAIN, UV_EAI_FAIL, UV_EAI_MEMORY, UV_ETIMEDOUT, UV_EMFILE] {
            #expect(!error(code).isUnknownName)
        }
    }
}
