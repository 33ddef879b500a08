import QueueCore

/// A gateway's part in the fleet's settings: declares what its file says, remembers what all say, and brings back what
/// Redis lost. Batch after batch, one call at a time.
final class SettingsExchange {
    /// Asks Redis; nil where the reply was lost, which the next `serve` follows.
    var call: (_ arguments: [String], _ done: @escaping (ScriptReply?) -> Void) -> Void = { _, done in done(nil) }
    /// Asks for rows newer than `version`.
    var askForMore: () -> Void = {}
    var onNotice: (String) -> Void = { _ in }

    private enum Verb: String {
        case declare, resend
    }

    private var book = SettingsBook()
    private var declaration: [SettingRow] = []
    /// Redis' time at which the declaration in force began; 0 before the first.
    private var declaredAt = "0"
    private var owesDeclaration = false
    private var owesBook = false
    private var sending: (verb: Verb, began: String, rest: ArraySlice<SettingRow>)?
    private var isServing = false
    /// Replies to what was asked before a reconnect, or a reload, are not of what is being sent.
    private var round = 0
    private var whenSettled: (() -> Void)?

    /// The highest version known here.
    var version: Int64 { book.version }

    /// A file's words, at start and after a reload.
    func declare(_ declaration: Declaration) {
        self.declaration = declaration.rows
        owesDeclaration = true
        if isServing { begin() }
    }

    /// Redis can be asked. `done` when settings stand there: nothing is to be granted by others.
    func serve(anew: Bool, done: @escaping () -> Void) {
        isServing = true
        if anew { owesBook = true }
        whenSettled = done
        begin()
    }

    /// Redis cannot be asked.
    func wentAway() {
        isServing = false
        round += 1
    }

    /// What a renew brought: Redis' highest version and rows newer than ours.
    func heard(highest: Int64, _ words: [String]) {
        let rows = stride(from: 0, to: words.count - 1, by: 2).map { SettingRow(name: words[$0], text: words[$0 + 1]) }
        book.heard(rows)
        if rows.count >= QueueLimits.settingsBatch { askForMore() }
        if highest < book.version, !owesBook {
            owesBook = true
            if isServing { begin() }
        }
    }

    private func begin() {
        round += 1
        sending = nil
        proceed()
    }

    private func proceed() {
        if sending == nil {
            if owesBook {
                sending = (.resend, declaredAt, book.rows[...])
            } else if owesDeclaration {
                sending = (.declare, "0", declaration[...])
            }
        }
        guard let (verb, began, rest) = sending else {
            let settled = whenSettled
            whenSettled = nil
            settled?()
            return
        }
        let batch = rest.prefix(QueueLimits.settingsBatch)
        let left = rest.dropFirst(batch.count)
        let arguments =
            ["gateway", verb.rawValue, began, left.isEmpty ? "1" : "0"] + batch.flatMap { [$0.name, $0.text] }
        call(arguments) { [weak self, round] reply in
            guard let self, round == self.round, let reply, !reply.isStale else { return }
            sent(verb, left, reply)
        }
    }

    private func sent(_ verb: Verb, _ left: ArraySlice<SettingRow>, _ reply: ScriptReply) {
        let isTaken = reply.status == "ok"
        if !isTaken { onNotice("settings were not taken: \(reply.status) \(reply.text(0))") }
        sending = isTaken && !left.isEmpty ? (verb, reply.text(0), left) : nil
        if sending == nil {
            switch verb {
            case .resend:
                owesBook = false
            case .declare:
                owesDeclaration = false
                if isTaken {
                    declaredAt = reply.text(0)
                    // Only a renew brings rows with their versions. Until then this gateway could not bring its own
                    // settings back if Redis lost them.
                    askForMore()
                }
            }
        }
        proceed()
    }
}
