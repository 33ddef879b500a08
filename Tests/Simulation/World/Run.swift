import EventLoop
import Queue
import QueueCore
import SimulatedRedis

/// Runs seeds and scenarios one after the other, on one simulated Redis whose scripts are compiled once.
public final class SimulationRunner {
    let redis: SimulatedRedis
    let options: SimulationOptions

    public init(options: SimulationOptions = SimulationOptions()) {
        self.options = options
        redis = SimulatedRedis(seed: 0)
        for script in ScriptLibrary.all {
            let source = SimulationRunner.changed(script.source, options.scriptChanges)
            redis.load(name: script.name, source: source)
            redis.load(
                name: ScriptSet.newer(script.name), source: SimulationRunner.changed(source, [ScriptSet.schema]))
        }
        precondition(SimulationRunner.matches(of: ScriptSet.schema) > 0, "no script names its schema")
    }

    /// How many of a list of changes are found in some script: a planted bug that is nowhere shows nothing.
    public static func matches(of change: ScriptChange) -> Int {
        ScriptLibrary.all.count { String(decoding: $0.source, as: UTF8.self).contains(change.text) }
    }

    private static func changed(_ source: [UInt8], _ changes: [ScriptChange]) -> [UInt8] {
        guard !changes.isEmpty else { return source }
        var text = String(decoding: source, as: UTF8.self)
        for change in changes {
            var rest = text[...]
            var made = ""
            while let range = rest.firstRange(of: change.text) {
                made += rest[..<range.lowerBound] + change.by
                rest = rest[range.upperBound...]
            }
            text = made + rest
        }
        return Array(text.utf8)
    }

    /// A random fleet, load and faults: first a time with faults, then one without, at whose end all must be at rest.
    public func run(seed: UInt64) -> SimulationResult {
        redis.reset(seed: seed)
        var shape = Shape(seed: seed)
        shape.addFeatures(seed: seed)
        let world = World(seed: seed, shape: shape, redis: redis, options: options)
        defer { world.end() }
        RandomRun(world, seed: seed).run()
        return world.result()
    }
}

/// The scripts of two releases beside each other: the shipped ones, and the same of the next schema.
enum ScriptSet {
    static let schema = ScriptChange(
        "local SCHEMA = \(QueueLimits.schema)\n", by: "local SCHEMA = \(QueueLimits.schema + 1)\n")

    static func newer(_ name: String) -> String { name + "@next" }

    static func base(_ name: String) -> String {
        name.utf8.last == UInt8(ascii: "t") && name.hasSuffix("@next") ? String(name.dropLast(5)) : name
    }
}

/// The phases of a random run.
struct RandomRun {
    private static let warmUp = seconds(3)
    private let world: World
    private let seed: UInt64

    init(_ world: World, seed: UInt64) {
        self.world = world
        self.seed = seed
    }

    func run() {
        let timeline = world.timeline
        let healing = RandomRun.warmUp + world.shape.faulty
        world.startAll()
        timeline.at(seconds(1)) { [world] in world.beginLoad() }
        let faults = FaultDraw(world, seed: seed, from: RandomRun.warmUp, to: healing)
        faults.schedule()
        timeline.run(until: healing)
        faults.heal()
        timeline.run(until: healing + seconds(5))
        world.endLoad()
        let recovered = healing + seconds(world.hasLostData ? 30 : 15)
        timeline.run(until: recovered)
        world.look(.recovered)
        timeline.run(until: recovered + seconds(2))
        world.look(.confirmed)
        // Sidecars that failed again and again, and workers in quarantine, come back after half a minute.
        while timeline.now < healing + seconds(48), !world.isAtRest { timeline.run(until: timeline.now + seconds(1)) }
        world.look(.atRest)
    }
}
