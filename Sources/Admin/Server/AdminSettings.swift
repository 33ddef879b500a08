import AdminCore
import EventLoop
import Metrics

/// The settings of an admin listener.
package struct AdminSettings {
    package var listen: SocketAddress
    /// Empty: none, and the listener is on loopback.
    package var token: String
    package var fleet: String

    package init(listen: SocketAddress, token: String, fleet: String) {
        self.listen = listen
        self.token = token
        self.fleet = fleet
    }
}

/// The process behind an admin listener: a gateway or a worker. Called on the loop.
package protocol AdminSubject: AnyObject {
    /// Facts of this process. The listener fills in the fleet's name.
    func adminFacts() -> AdminFacts
    /// Metrics of this process.
    func adminFamilies() -> [MetricFamily]
    /// The metrics of the fleet come from gateways, so that each has one source.
    var tellsFleetMetrics: Bool { get }
}

/// The process cannot start its admin listener.
package struct AdminFailure: Error, CustomStringConvertible {
    package let description: String
}
