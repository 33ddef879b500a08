import QueueCore
import RedisClient

extension Inspector {
    /// The whole fleet, read in bounded slices that delay no client.
    /// - Parameter waiters: at most so many waiters of the line.
    public func fleet(waiters: Int, done: @escaping (Result<FleetView, Failure>) -> Void) {
        surveySlice("", "", [String(waiters)], FleetSurvey(), isLast: \.isEmpty, done)
    }

    /// The usage of all tenants on a day, by tenant. `*`: tenants that are not told apart.
    /// - Parameter day: days since 1970-01-01.
    public func usage(onDay day: Int, done: @escaping (Result<[String: Use], Failure>) -> Void) {
        surveySlice("usage", "", ["0", String(day)], FleetSurvey(), isLast: { $0 != "usage" }) { done($0.map(\.uses)) }
    }

    /// How many slots of each pool the fleet could use now: slots held, granted, and wanted by waiters. Waiters count up
    /// to their tenant's cap, and each counts once.
    public func slotsWanted(done: @escaping (Result<[String: Int], Failure>) -> Void) {
        fleet(waiters: 0) { done($0.map(\.slotsWanted)) }
    }

    /// - Parameter isLast: true for the section behind the last one that is wanted.
    private func surveySlice(
        _ section: String, _ cursor: String, _ arguments: [String], _ survey: FleetSurvey,
        isLast: @escaping (String) -> Bool, _ done: @escaping (Result<FleetView, Failure>) -> Void
    ) {
        run(ScriptLibrary.survey, [section, cursor] + arguments) { [weak self] result in
            switch result {
            case .failure(let failure): done(.failure(failure))
            case .success(let reply):
                let items = reply.elements ?? []
                if items.first?.text == "schema" {
                    return done(.failure(.refused(Self.otherSchema(items.map { $0.text ?? "" }))))
                }
                guard items.count >= 2, let section = items[0].text, let cursor = items[1].text else {
                    return done(.failure(.unavailable("Redis answered survey without a slice")))
                }
                var survey = survey
                for row in items.dropFirst(2) { survey.add((row.elements ?? []).map { $0.text ?? "" }) }
                if isLast(section) { return done(.success(survey.view)) }
                self?.surveySlice(section, cursor, arguments, survey, isLast: isLast, done)
            }
        }
    }
}
