import EventLoop
import QueueCore

extension Inspector {
    /// Checks all records of the fleet. Slices are bounded, so that they do not block a live fleet. Each finding is
    /// confirmed by checking its item once more.
    public func audit(done: @escaping (Result<AuditReport, Failure>) -> Void) {
        auditSlice(section: "", cursor: "", report: AuditReport(), done: done)
    }

    private func auditSlice(
        section: String, cursor: String, report: AuditReport,
        done: @escaping (Result<AuditReport, Failure>) -> Void
    ) {
        ask(section, cursor) { [weak self] result in
            switch result {
            case .failure(let failure):
                done(.failure(failure))
            case .success(let slice):
                var report = report
                report.add(slice, of: section)
                self?.confirm(slice.findings[...], report) { result in
                    guard case .success(let report) = result, !slice.nextSection.isEmpty else { return done(result) }
                    self?.auditSlice(
                        section: slice.nextSection, cursor: slice.nextCursor, report: report, done: done)
                }
            }
        }
    }

    private func confirm(
        _ findings: ArraySlice<AuditReport.Finding>, _ report: AuditReport,
        done: @escaping (Result<AuditReport, Failure>) -> Void
    ) {
        guard let finding = findings.first else { return done(.success(report)) }
        ask("item", finding.item) { [weak self] result in
            switch result {
            case .failure(let failure):
                done(.failure(failure))
            case .success(let second):
                var report = report
                report.confirm(finding, by: second)
                self?.confirm(findings.dropFirst(), report, done: done)
            }
        }
    }

    private func ask(
        _ section: String, _ cursor: String, done: @escaping (Result<AuditReport.Slice, Failure>) -> Void
    ) {
        run(ScriptLibrary.audit, [section, cursor]) { result in
            done(
                result.flatMap { reply in
                    let words = (reply.elements ?? []).map { $0.text ?? "" }
                    if words.first == "schema" { return .failure(.refused(Self.otherSchema(words))) }
                    guard let slice = AuditReport.Slice(reply: words) else {
                        return .failure(.unavailable("Redis answered audit without a slice"))
                    }
                    return .success(slice)
                })
        }
    }

    /// - Parameter words: a reply whose last element is the schema of the data.
    static func otherSchema(_ words: [String]) -> String {
        "Redis holds data of schema \(words.last ?? ""), this program reads \(QueueLimits.schema) and its neighbours"
    }
}
