import QueueCore
import Testing

@Suite struct FleetSettingsTests {
    @Test func aFileIsWrittenAsRows() {
        let acme = TenantLimits(
            cap: 2, queueMax: 3, waitMaxMilliseconds: 4, priorityMaxSeconds: 5, weight: 6, guarantee: 1)
        let declaration = Declaration(
            policy: .fair, tenants: [.init(tenant: "acme", limits: acme)], scaleFromZero: ["a:b|chromium"],
            queueMax: 7)
        #expect(
            declaration.rows == [
                SettingRow(name: "policy", text: "fair"), SettingRow(name: "queue", text: "7"),
                SettingRow(name: "tenant:*", text: "1000000,10000,300000,0,1,0"),
                SettingRow(name: "tenant:acme", text: "2,3,4,5,6,1"),
                SettingRow(name: "zero:a:b|chromium", text: "1"),
            ])
    }

    @Test func aBookKeepsTheLastOfEachRowAndTheHighestVersion() {
        var book = SettingsBook()
        #expect(book.version == 0)
        book.heard([SettingRow(name: "b", text: "1 7 - 0"), SettingRow(name: "a", text: "1 3 2 8")])
        book.heard([SettingRow(name: "b", text: "- 9 - 0")])
        #expect(book.version == 9)
        #expect(book.rows == [SettingRow(name: "a", text: "1 3 2 8"), SettingRow(name: "b", text: "- 9 - 0")])
    }

    @Test func whatWasTakenBackLeavesWhenThereIsNoRoom() {
        var book = SettingsBook()
        book.heard([SettingRow(name: "gone", text: "- 1 - 2")])
        book.heard((0..<QueueLimits.settingsMax - 1).map { SettingRow(name: "n\($0)", text: "1 \($0 + 3) - 0") })
        #expect(book.rows.contains { $0.name == "gone" })
        book.heard([SettingRow(name: "more", text: "1 99999 - 0")])
        #expect(!book.rows.contains { $0.name == "gone" } && book.rows.count == QueueLimits.settingsMax)
    }
}
