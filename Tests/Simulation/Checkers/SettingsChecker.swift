/// S3: what was said last about a limit or a pause stands: nothing older takes its place, and a file that says what it
/// said before changes nothing.
final class SettingsChecker: Checker {
    /// `declared version ordered version`.
    private var before: [(name: String, text: String, row: [Substring])] = []

    private func row(_ name: String, _ store: StoreView) -> [Substring] {
        let text = store.redis.field(store.key("settings"), name) ?? "- 0 - 0"
        return text.split(separator: " ")
    }

    func willRun(_ script: String, arguments: [String], at now: Int64, into ledger: Ledger) {
        before = []
        guard script == "settings" else { return }
        // Header (5), kind, verb, when it began, whether it ends, then name and text.
        for index in stride(from: 9, to: arguments.count - 1, by: 2) {
            before.append((arguments[index], arguments[index + 1], row(arguments[index], ledger.store)))
        }
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        guard call.script == "settings", call.wrote else { return }
        for (name, text, old) in before {
            let new = row(name, ledger.store)
            guard old.count == 4, new.count == 4 else { continue }
            if number(new[1]) < number(old[1]) || number(new[3]) < number(old[3]) {
                ledger.found("S3", "\(name) was \(old.joined(separator: " ")), and an older word came instead: \(new)")
            }
            if call.arguments[6] == "declare", text == old[0], new != old {
                ledger.found("S3", "a file said of \(name) what it had said, and changed \(old) to \(new)")
            }
        }
    }

    private func number(_ text: Substring) -> Int64 { Int64(text) ?? 0 }
}
