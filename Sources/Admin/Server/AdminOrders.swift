import AdminCore
import EventLoop
import HTTPCore
import Queue
import QueueCore
import RedisClient

/// Gives an operator's orders to the fleet.
final class AdminOrders {
    typealias Done = (Result<[UInt8], AdminRefusal>) -> Void

    private let operatorOfFleet: FleetOperator

    init(loop: Loop, endpoint: RedisEndpoint, fleet: String) {
        operatorOfFleet = FleetOperator(loop: loop, endpoint: endpoint, fleet: fleet)
    }

    func close() { operatorOfFleet.close() }

    /// - Parameters:
    ///   - name: what the path names.
    ///   - limits: those of the tenant now.
    func give(
        _ change: AdminEndpoint.Change, _ name: String, _ body: [UInt8], limits: TenantLimits, done: @escaping Done
    ) {
        func taken(_ result: Result<Void, FleetOperator.Failure>) {
            done(result.map { AdminOrders.noContent }.mapError(AdminRefusal.init))
        }
        switch change {
        case .drain:
            operatorOfFleet.drain(name) {
                done(
                    $0.map {
                        let body: JSONValue = ["worker": .text($0)]
                        return httpResponse(status: 202, body: body.text)
                    }.mapError(AdminRefusal.init))
            }
        case .pause: operatorOfFleet.pause(name, done: taken)
        case .resume: operatorOfFleet.resume(name, done: taken)
        case .setTenant:
            do throws(AdminRefusal) {
                operatorOfFleet.setLimits(try TenantOrder.limits(body, from: limits), of: name, done: taken)
            } catch {
                done(.failure(error))
            }
        case .resetTenant: operatorOfFleet.setLimits(nil, of: name, done: taken)
        case .endWaiter:
            end(WaiterID(name).map { .waiter($0.text) }, "No waiter has this id; it may have left or been served", done)
        case .endSession: end(LeaseID(name).map { .lease($0) }, "No session has this id; it may have ended", done)
        }
    }

    private func end(_ target: EndTarget?, _ words: String, _ done: @escaping Done) {
        guard let target else { return done(.failure(AdminRefusal(.notFound, words))) }
        operatorOfFleet.end(target) {
            done(
                $0.mapError(AdminRefusal.init).flatMap { isThere in
                    isThere ? .success(AdminOrders.noContent) : .failure(AdminRefusal(.notFound, words))
                })
        }
    }

    private static let noContent = httpResponse(status: 204, body: "")
}

extension AdminRefusal {
    fileprivate init(_ failure: FleetOperator.Failure) {
        switch failure {
        case .unavailable, .refused: self.init(.storeUnavailable, failure.sentence)
        case .unknownPool, .unknownWorker: self.init(.notFound, "\(failure)")
        case .badName: self.init(.badRequest, "\(failure)")
        }
    }
}
