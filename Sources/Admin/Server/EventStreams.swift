import AdminCore
import EventLoop
import Queue
import QueueCore

/// Sends the fleet and its changes to all who read `GET /events`.
final class EventStreams {
    /// Readers at once; each holds a connection and its share of the loop's time.
    static let readersMax = 32
    /// A reader with more unread bytes is closed: its browser connects again and gets a fresh state.
    static let unreadBytesMax = 8 << 20

    private let loop: Loop
    private let watch: FleetWatch
    private let facts: () -> AdminFacts
    private var readers: [ObjectIdentifier: AdminConnection] = [:]
    /// Readers that have no state yet.
    private var fresh: [AdminConnection] = []
    private var feed = FleetFeed()
    private var timer: Timer?
    private var isLooking = false

    init(loop: Loop, watch: FleetWatch, facts: @escaping () -> AdminFacts) {
        self.loop = loop
        self.watch = watch
        self.facts = facts
    }

    var isFull: Bool { readers.count >= EventStreams.readersMax }

    func join(_ reader: AdminConnection) {
        if readers.isEmpty { feed = FleetFeed() }
        readers[ObjectIdentifier(reader)] = reader
        fresh.append(reader)
        look()
    }

    func leave(_ reader: AdminConnection) {
        readers[ObjectIdentifier(reader)] = nil
        fresh.removeAll { $0 === reader }
        guard readers.isEmpty else { return }
        timer?.cancel()
        timer = nil
    }

    func close() {
        timer?.cancel()
        for reader in Array(readers.values) { reader.close() }
    }

    private func look() {
        guard !isLooking else { return }
        isLooking = true
        watch.ask(waiters: Inspector.placesMax) { [weak self] in
            self?.isLooking = false
            self?.looked($0)
        }
    }

    private func looked(_ result: Result<FleetWatch.Look, Inspector.Failure>) {
        switch result {
        case .success(let look):
            let event = feed.update(look.view, places: look.places, facts(), redisMilliseconds: look.redisMilliseconds)
            let newcomers = fresh
            fresh = []
            for reader in Array(readers.values) where !newcomers.contains(where: { $0 === reader }) {
                reader.send(event)
            }
            for reader in newcomers { reader.send(feed.state(mayChange: reader.mayChange)) }
        case .failure(let failure):
            let event = FleetFeed.trouble(failure.sentence, atMilliseconds: EventLog.millisecondsSince1970())
            for reader in Array(readers.values) { reader.send(event) }
        }
        guard !readers.isEmpty else { return }
        timer?.cancel()
        timer = loop.schedule(after: watch.pauseMilliseconds) { [weak self] in self?.look() }
    }
}
