import QueueCore

/// The whole fleet, for `berth status`.
public enum StatusScreen {
    public static func lines(_ view: FleetView, fleet: String) -> [StyledLine] {
        let head = view.head
        let schema = head.schema.isEmpty ? "none" : head.schema
        let title = "fleet \(fleet), policy \(view.policy.rawValue), schema \(schema), epoch \(head.epoch)"
        let tables = [
            Section.pools.table(view), Section.workers.table(view), Section.gateways(view),
        ].filter { !$0.rows.isEmpty }
        return [StyledLine(Printable.text(title))] + WaitReport(view).lines
            + tables.flatMap { [StyledLine("")] + $0.styledLines() }
    }
}
