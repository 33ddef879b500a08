import QueueCore

/// A gateway's side of the fleet's settings. Declares the settings of the gateway's file, remembers the settings of the
/// whole fleet, and sends them again if Redis lost them. Sends one batch at a time.
final class SettingsExchange {
    /// Calls Redis. The reply is nil if it was lost; then `serve` follows after the reconnect.
    var call: (_ arguments: [String], _ done: @escaping (ScriptReply?) -> Void) -> Void = { _, done in done(nil) }
    /// Asks Redis for rows newer than `version`.
    var askForMore: () -> Void = {}
    var onNotice: (String) -> Void = { _ in }

    private enum Verb: String {
        case declare, resend
    }

    private var book = SettingsBook()
    private var declaration: [SettingRow] = []
    /// Redis' time at the start of the declaration in force; 0 before the first.
    private var declaredAt = "0"
    private var mustDeclare = false
    private var mustResend = false
    private var sending: (verb: Verb, began: String, rest: ArraySlice<SettingRow>)?
    private var isServing = false
    /// Grows with each reconnect and reload. A reply to a call of an earlier round is ignored.
    private var round = 0
    private var whenSettled: (() -> Void)?

    /// The highest version that this gateway knows.
    var version: Int64 { book.version }

    /// Sets the settings of the file, at start and after a reload.
    func declare(_ declaration: Declaration) {
        self.declaration = declaration.rows
        mustDeclare = true
        if isServing { begin() }
    }

    /// Redis can be called now. Calls `done` when Redis has the settings, because earlier grants would follow other
    /// settings.
    func serve(anew: Bool, done: @escaping () -> Void) {
        isServing = true
        if anew { mustResend = true }
        whenSettled = done
        begin()
    }

    /// Redis cannot be called now.
    func wentAway() {
        isServing = false
        round += 1
    }

    /// Handles the reply to a renew: Redis' highest version, and rows newer than `version`.
    func heard(highest: Int64, _ words: [String]) {
        let rows = stride(from: 0, to: words.count - 1, by: 2).map { SettingRow(name: words[$0], text: words[$0 + 1]) }
        book.heard(rows)
        if rows.count >= QueueLimits.settingsBatch { askForMore() }
        if highest < book.version, !mustResend {
            mustResend = true
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
            if mustResend {
                sending = (.resend, declaredAt, book.rows[...])
            } else if mustDeclare {
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
        if !isTaken { onNotice("Redis did not take the settings: \(reply.status) \(reply.text(0))") }
        sending = isTaken && !left.isEmpty ? (verb, reply.text(0), left) : nil
        if sending == nil {
            switch verb {
            case .resend:
                mustResend = false
            case .declare:
                mustDeclare = false
                if isTaken {
                    declaredAt = reply.text(0)
                    // Only a renew returns rows with their versions. Without them this gateway could not send its
                    // settings again if Redis lost them.
                    askForMore()
                }
            }
        }
        proceed()
    }
}
