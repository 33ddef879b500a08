import EventLoop
import Queue
import QueueCore
import SimulatedRedis

/// Runs seeds and scenarios one after the other, on one simulated Redis whose scripts are compiled once.
public final class SimulationRunner {
    let redis: SimulatedRedis
    /// The same with bounds that a small fleet reaches.
    private let narrow: SimulatedRedis
    let options: SimulationOptions

    /// - Throws: when the mutant's text is not in the scripts.
    public init(options: SimulationOptions = SimulationOptions()) throws(MutantError) {
        self.options = options
        redis = SimulatedRedis(seed: 0)
        narrow = SimulatedRedis(seed: 0)
        try ScriptSet(mutant: options.mutant, isNarrow: false).load(into: redis)
        try ScriptSet(mutant: options.mutant, isNarrow: true).load(into: narrow)
    }

    /// A random fleet, load and faults: first a time with faults, then one without, at whose end all must be at rest. Of
    /// 50 seeds one is a `SteadyRun`.
    public func run(seed: UInt64) -> SimulationResult {
        let redis = seed % 4 == 3 ? narrow : redis
        redis.reset(seed: seed)
        let isSteady = seed % 50 == 49
        let shape = isSteady ? Shape.steady(seed: seed) : Shape.random(seed: seed)
        let world = World(seed: seed, shape: shape, redis: redis, options: options)
        defer { world.end() }
        if isSteady { SteadyRun(world, seed: seed).run() } else { RandomRun(world, seed: seed).run() }
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
        // Sessions may begin as late as waits end, and where a slot is kept have another one behind them.
        let rest = healing + seconds(48) + 2 * world.shape.sessionMost
        while timeline.now < rest, !world.isAtRest { timeline.run(until: timeline.now + seconds(1)) }
        world.look(.atRest)
    }
}
