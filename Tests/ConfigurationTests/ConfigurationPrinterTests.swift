import Testing

@testable import Configuration

@Suite struct ConfigurationPrinterTests {
    @Test func printsWhatCanBeReadAgainAndNoSecret() throws {
        let digest = String(repeating: "c", count: 64)
        let environment = ["REDIS_URL": "redis://u:pa@ss@h:1/2", "NODE_SECRET": "0123456789abcdef"]
        let read = try settings(
            .config, file: "tenants:\n  acme: {cap: 3, keys: [\(digest)]}\nworker:\n  pools: {'A:b': 2}\n",
            environment: environment)
        let text = ConfigurationPrinter.text(read)
        #expect(!text.contains("pa@ss") && !text.contains("0123456789abcdef") && !text.contains(digest))
        #expect(text.contains("url: 'redis://u:***@h:1/2'  # REDIS_URL"))
        #expect(text.contains("secret:   # NODE_SECRET, not shown"))
        let again = try settings(.config, file: text)
        #expect(again.tenants[0].limits.cap == 3 && again.texts("worker.pools") == ["A:b=2"])
        #expect(again.text("gateway.drainTimeout") == "30s")
    }
}
