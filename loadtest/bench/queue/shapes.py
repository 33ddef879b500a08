"""Berth's queue by its shape: how many wait, of how many tenants, in how many selectors.

In each shape: Redis' own time for each script, one call at a time, as `INFO commandstats` grows by it; what a waiter
takes of its memory, its share of the indexes included.
"""

import statistics
import time

import machine
from fleet import Fleet, Grant, expect, info, microseconds

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
# Fewer waiters than that are lost in what Redis rounds up to.
MEMORY_WAITERS_MIN = 10_000
# Always the same work, no memory: what its slowest calls take more is the machine's.
CONTROL = "a loop of Lua"
# Rounds go by blocks of some half a second. One of which the host took more, some 10 ms, is too loud to judge by.
BLOCK = 50
STOLEN_MAX = 0.03
# Until enough blocks are quiet or this time is over; the quietest third of what is wanted counts in any case.
SECONDS_MAX = 40
AWAY_SECONDS = 3
CONTROL_SOURCE = "local sum = 0 for i = 1, 20000 do sum = sum + i % 7 end return sum"


class Clock:
    """Of each script: its microseconds, call by call."""

    def __init__(self, redis):
        self.redis, self.before = redis, microseconds(redis)
        self.times: dict[str, list[int]] = {}

    def note(self, script):
        now = microseconds(self.redis)
        self.times.setdefault(script, []).append(now - self.before)
        self.before = now


def summary(clocks: list[Clock]) -> dict[str, dict[str, float]]:
    found = {}
    for script in clocks[0].times:
        times = [took for clock in clocks for took in clock.times[script]]
        found[script] = {
            "median": statistics.median(times),
            "p99": sorted(times)[len(times) * 99 // 100],
            "most": max(times),
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
    (given,) = fleet.grants_of(ask("collect", fleet.collect(held.letter)))
    ask("reject", fleet.call("reject", fleet.gateway, "gateway", given.lease, "occupied", 0, "", "", ""), b"requeued")
    ask("ready", fleet.ready(given))
    (held,) = fleet.grants_of(ask("collect", fleet.collect(given.lease)))
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
    fleet.one(fleet.collect(held.letter))
    blocks.sort(key=lambda block: block[0])
    counted = blocks[: max(quiet, wanted // 3, 1)]
    out = {
        "scripts": summary([clock for _, clock in counted]),
        "stolen": counted[-1][0],
        "rounds": len(blocks) * BLOCK,
        "counted": len(counted) * BLOCK,
    }
    return out, held


def memory(fleet: Fleet, size, grown) -> dict:
    record = next(key for key in iter(lambda: fleet.redis("RANDOMKEY"), None) if b":waiter:" in key)
    parts = {}
    for name, keys in (("line", "line"), ("gateways", "gateway:*:waiters"), ("queues", "queue:*")):
        found = fleet.redis("KEYS", fleet.prefix + keys)
        parts[name] = sum(fleet.redis("MEMORY", "USAGE", key, "SAMPLES", 0) for key in found) / size
    parts["record"] = fleet.redis("MEMORY", "USAGE", record)
    return {"whole": grown / size, "parts": {**parts, "the rest": grown / size - sum(parts.values())}}


def one(path, shas, sizes, *, core, capped, rounds) -> dict:
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


def measure(path_of, shas, *, core, quick, rounds) -> dict:
    """what varies → its value → what was measured. `path_of` gives an empty Redis."""
    found: dict = {}
    for what, values in (QUICK_SHAPES if quick else SHAPES).items():
        for value in values:
            print(f"{value} {what}", flush=True)
            sizes = {**BASE, what: value}
            measured = one(path_of(), shas, sizes, core=core, capped=what == "waiters", rounds=rounds)
            found.setdefault(what, {})[str(value)] = measured
    return found
