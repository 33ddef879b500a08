"""Berth's queue by its shape: how many wait, of how many tenants, in how many selectors.

In each shape: Redis' own time for each script, one call at a time, as `INFO commandstats` grows by it; full cycles a
second of Redis' core with 128 slots; what a waiter takes of its memory, its share of the indexes included.
"""

import statistics
import time

import machine
from dispatch import Redis
from fleet import Fleet, Grant, command_times, expect, grants_of, microseconds

BASE = {"waiters": 10_000, "tenants": 100, "selectors": 3}
# Those who wait are at their caps where their number is what varies, and may all be served where their kinds are.
SHAPES = {
    "waiters": (100, 1_000, 10_000, 100_000, 990_000),
    "tenants": (10, 100, 1_000, 10_000),
    "selectors": (1, 10, 100),
}
QUICK_SHAPES = {"waiters": (100, 10_000), "tenants": (100,), "selectors": (100,)}
# The first rounds find cold caches.
WARM_UP = 20
WORKERS, SLOTS = 8, 16
# Fewer waiters than that are lost in what Redis rounds up to.
MEMORY_WAITERS_MIN = 10_000
CYCLE = ("enqueue", "release", "ready", "collect", "accept")
STEPS = ("enqueue", "release", "ready and collect", "accept")
NOTED_BATCHES = 8
# Always the same work, no memory: what its slowest calls take more is the machine's.
CONTROL = "a loop of Lua"
# Rounds go by blocks of some half a second. One of which the host took more, some 10 ms, is too loud to judge by.
BLOCK = 50
STOLEN_MAX = 0.03
# Until enough blocks are quiet or this time is over; the quietest third of what is wanted counts in any case.
SECONDS_MAX = 40
AWAY_SECONDS = 3
CONTROL_SOURCE = "local sum = 0 for i = 1, 20000 do sum = sum + i % 7 end return sum"


def info(redis, section) -> dict[str, str]:
    return dict(line.split(":", 1) for line in redis("INFO", section).decode().splitlines() if ":" in line)


def cpu(redis) -> float:
    found = info(redis, "cpu")
    return float(found["used_cpu_user_main_thread"]) + float(found["used_cpu_sys_main_thread"])


class Clock:
    """Of each script: its microseconds, call by call, and what the commands inside took."""

    def __init__(self, redis):
        self.redis, self.before = redis, command_times(redis)
        self.times: dict[str, list[int]] = {}
        self.inside: dict[str, list[tuple[int, int]]] = {}

    def note(self, script):
        now = command_times(self.redis)
        took, inside, calls = (a - b for a, b in zip(now, self.before))
        self.times.setdefault(script, []).append(took)
        self.inside.setdefault(script, []).append((inside, calls))
        self.before = now

    def renew(self):
        self.before = command_times(self.redis)


def summary(clocks: list[Clock]) -> dict[str, dict[str, float]]:
    found = {}
    for script in clocks[0].times:
        times = [took for clock in clocks for took in clock.times[script]]
        inside = [taken for clock in clocks for taken in clock.inside[script]]
        found[script] = {
            "median": statistics.median(times),
            "p99": sorted(times)[len(times) * 99 // 100],
            "most": max(times),
            "mean": statistics.fmean(times),
            "inside": statistics.fmean(took for took, _ in inside),
            "calls": statistics.fmean(count for _, count in inside),
        }
    return found


def round_of(fleet: Fleet, held: Grant, note) -> Grant:
    """Each script once or twice; the one slot is held before and after."""

    def ask(script, call, status=b"ok"):
        (reply,) = fleet.ask([call])
        note(script)
        return expect(reply, status)

    passing = fleet.new_waiter()
    ask("enqueue", fleet.crowd_enqueue(passing), b"queued")
    ask("cancel", fleet.cancel(passing))
    ask("enqueue", fleet.next_enqueue(), b"queued")
    ask("release", fleet.release(held))
    ask("ready", fleet.ready(held))
    (given,) = grants_of(ask("collect", fleet.collect(held.lease)))
    ask("reject", fleet.call("reject", fleet.gateway, "gateway", given.lease, "occupied", 0, "", "", ""), b"requeued")
    ask("ready", fleet.ready(given))
    (held,) = grants_of(ask("collect", fleet.collect(given.lease)))
    ask("accept", fleet.accept(held), b"accepted")
    fleet.redis("EVAL", CONTROL_SOURCE, 0)
    note(CONTROL)
    fleet.renew_gateway(fleet.gateway)
    note("renew (gateway)")
    fleet.renew_worker(fleet.workers[0])
    note("renew (worker)")
    ask("sweep", fleet.call("sweep", fleet.gateway, "gateway"))
    return held


def steps(fleet: Fleet, held: Grant, rounds, core) -> tuple[dict, Grant]:
    """Rounds in blocks, each with the share of the core that the host took: by that alone it counts or not."""
    fleet.renew()
    for _ in range(WARM_UP):
        held = round_of(fleet, held, lambda script: None)
    blocks: list[tuple[float, Clock]] = []
    wanted, end = max(rounds // BLOCK, 1), time.monotonic() + SECONDS_MAX
    quiet = 0
    while quiet < wanted and (len(blocks) < wanted or time.monotonic() < end):
        fleet.renew()
        clock, began, stolen = Clock(fleet.redis), time.monotonic(), machine.stolen(core)
        for _ in range(BLOCK):
            held = round_of(fleet, held, clock.note)
        share = (machine.stolen(core) - stolen) / (time.monotonic() - began)
        blocks.append((share, clock))
        quiet += share <= STOLEN_MAX
    fleet.one(fleet.collect(held.lease))
    blocks.sort(key=lambda block: block[0])
    counted = blocks[: max(quiet, wanted // 3, 1)]
    out = {
        "scripts": summary([clock for _, clock in counted]),
        "stolen": counted[-1][0],
        "rounds": len(blocks) * BLOCK,
        "counted": len(counted) * BLOCK,
    }
    return out, held


def batch(fleet: Fleet, held: list[Grant], note=lambda step: None) -> list[Grant]:
    """A cycle on each slot, five calls each: each step of all at once, but for the collects. A gateway has one of them
    on its way at a time; here each brings one grant and acknowledges the last one."""
    fleet.all([fleet.next_enqueue() for _ in held], b"queued")
    note(STEPS[0])
    fleet.all([fleet.release(one) for one in held])
    note(STEPS[1])
    grants: list[Grant] = []
    for one in held:
        last = [grant.lease for grant in grants[-1:]]
        _, collected = fleet.all([fleet.ready(one), fleet.collect(*last)])
        grants += grants_of(collected)
    if len(grants) != len(held):
        raise SystemExit(f"bench: {len(grants)} grants instead of {len(held)}")
    note(STEPS[2])
    fleet.all([fleet.accept(grant) for grant in grants], b"accepted")
    note(STEPS[3])
    fleet.one(fleet.collect(grants[-1].lease))
    return grants


def cycles(fleet: Fleet, seconds) -> dict:
    fleet.join(workers=WORKERS, slots=SLOTS)
    held = fleet.occupied(WORKERS * SLOTS)
    for _ in range(3):
        held = batch(fleet, held)
    count, began = 0, time.monotonic()
    busy = cpu(fleet.redis)
    while time.monotonic() - began < seconds:
        held = batch(fleet, held)
        count += len(held)
    wall = time.monotonic() - began
    found = {"cycles": count, "seconds": wall, "cpu_seconds": cpu(fleet.redis) - busy}
    # Apart from the rate: asking for the counts takes time too.
    clock = Clock(fleet.redis)
    for _ in range(NOTED_BATCHES):
        clock.renew()
        held = batch(fleet, held, clock.note)
    steps_taken = {
        step: {what: number / len(held) for what, number in took.items()} for step, took in summary([clock]).items()
    }
    return {**found, "steps": steps_taken}


def memory(fleet: Fleet, size, grown) -> dict:
    prefix = fleet.meta.removesuffix("meta")
    record = next(key for key in iter(lambda: fleet.redis("RANDOMKEY"), None) if b":waiter:" in key)
    parts = {}
    for name, keys in (("line", "line"), ("gateways", "gateway:*:waiters"), ("queues", "queue:*")):
        found = fleet.redis("KEYS", prefix + keys)
        parts[name] = sum(fleet.redis("MEMORY", "USAGE", key, "SAMPLES", 0) for key in found) / size
    parts["record"] = fleet.redis("MEMORY", "USAGE", record)
    return {"whole": grown / size, "parts": {**parts, "the rest": grown / size - sum(parts.values())}}


def one(path, shas, sizes, *, core, capped, rounds, seconds) -> dict:
    away = machine.away(core, AWAY_SECONDS)
    fleet = Fleet(path, shas, tenants=sizes["tenants"], selectors=sizes["selectors"], capped=capped)
    (held,) = fleet.take(1)
    before = int(info(fleet.redis, "memory")["used_memory"])
    fleet.fill(sizes["waiters"])
    grown = int(info(fleet.redis, "memory")["used_memory"]) - before
    fleet.redis("CONFIG", "RESETSTAT")
    # Filling keeps Redis busy for seconds without a break, which Linux does not grant a process before all others.
    fleet.redis("SLOWLOG", "RESET")
    taken, held = steps(fleet, held, rounds, core)
    out = {
        **taken,
        "cycles": cycles(fleet, seconds),
        "slow": slow(fleet.redis, shas),
        "busy": microseconds(fleet.redis) / 1e6,
        "away": away,
    }
    if capped and sizes["waiters"] >= MEMORY_WAITERS_MIN:
        out["memory"] = memory(fleet, sizes["waiters"], grown)
    fleet.close()
    return out


def slow(redis, shas) -> dict[str, list[int]]:
    """The microseconds of each script that are in the slow log."""
    found: dict[str, list[int]] = {}
    names = {sha: name for name, sha in shas.items()}
    for _, _, took, words, *_ in redis("SLOWLOG", "GET", 1_000):
        if len(words) > 1 and words[1] in names:
            found.setdefault(names[words[1]], []).append(took)
    return found


def preambles(path, shas, sources) -> dict[str, float]:
    """The microseconds that each script of a cycle takes before its first own line runs."""
    fleet = Fleet(path, shas, tenants=1, selectors=1, capped=True)
    found = {}
    for name in CYCLE:
        # The shared parts stand in two functions, the verb in a third one inside.
        shared = sources[name].rpartition(b"return (function()")[0]
        sha = fleet.redis("SCRIPT", "LOAD", shared + b"return 1\nend)()\n")
        call = fleet.call(name, fleet.gateway).replace(shas[name], sha)
        fleet.ask([call] * 200)
        before = microseconds(fleet.redis)
        for _ in range(10):
            fleet.ask([call] * 200)
        found[name] = (microseconds(fleet.redis) - before) / 2_000
    fleet.close()
    return found


def a_call(path) -> float:
    """The microseconds that one `redis.call` takes besides the command's own."""
    redis, count = Redis(path), 1_000
    took = []
    for _ in range(100):
        before = command_times(redis)
        redis("EVAL", "for _ = 1, ARGV[1] do redis.call('EXISTS', KEYS[1]) end", 1, "a", count)
        scripts, inside, _ = (a - b for a, b in zip(command_times(redis), before))
        took.append((scripts - inside) / count)
    redis.close()
    return statistics.median(took)


def measure(path_of, shas, sources, *, core, quick, rounds, seconds) -> dict:
    """what varies → its value → what was measured. `path_of` gives an empty Redis."""
    found: dict = {"preambles": preambles(path_of(), shas, sources), "a call": a_call(path_of())}
    for what, values in (QUICK_SHAPES if quick else SHAPES).items():
        for value in values:
            print(f"{value} {what}", flush=True)
            sizes = {**BASE, what: value}
            capped = what == "waiters"
            measured = one(path_of(), shas, sizes, core=core, capped=capped, rounds=rounds, seconds=seconds)
            found.setdefault(what, {})[str(value)] = measured
    return found
