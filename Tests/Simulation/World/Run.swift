import EventLoop
import Queue
import SimulatedRedis

/// Runs seeds and scenarios one after the other, on one simulated Redis whose scripts are compiled once.
public final class SimulationRunner {
    let redis: SimulatedRedis
    let options: SimulationOptions

    public init(options: SimulationOptions = SimulationOptions()) {
        self.options = options
        redis = SimulatedRedis(seed: 0)
        for script in ScriptLibrary.all {
            redis.load(name: script.name, source: SimulationRunner.changed(script.source, options.scriptChanges))
        }
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
        let world = World(seed: seed, shape: Shape(seed: seed), redis: redis, options: options)
        defer { world.end() }
        RandomRun(world, seed: seed).run()
        return world.result()
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
        timeline.run(until: healing + seconds(48))
        world.look(.atRest)
    }
}
