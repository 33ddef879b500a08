"""The part of a long line: 54,000 clients wait at several gateways, and are then served in the order of the line.

Each process may open a limited number of files. So several generators bring the clients, evenly over some seconds, and
each client of a generator goes to the next gateway in turn. All slots are held until all clients wait.

The order is that of Redis' tickets, because the clients' clocks say when a client sent its request, not when it was
queued. While the line drains, Redis tells in one transaction how many wait and which of them is the first. If that one's
place in the full line is not the number of those that left it, a later client passed an earlier one.
"""

import math
import resource
import time

from dispatch import Redis
from processes import Bench
from scenario import Scenario

WAITING = 54_000
GATEWAYS_MIN = 3
GENERATORS = 4
SLOTS = 64
COME_SECONDS = 20
IDLE_SECONDS = 10
SAMPLE_SECONDS = 0.002
TIMEOUT_SECONDS = 150
# The aim: the CPU of a gateway while all its clients wait, as a part of a core.
IDLE_SHARE_MAX = 0.01


def gateways_for(waiting) -> int:
    """A gateway keeps descriptors for dials and for itself (`DescriptorBudget`)."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    room = files - min(4_096, files // 4) - 64 - 2 * SLOTS
    return max(GATEWAYS_MIN, math.ceil(waiting / room))


def cpu_seconds(pid) -> float:
    """In nanoseconds' steps, because an idle process takes less than a tick of `/proc/<pid>/stat`."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


class Line:
    """The line of the fleet, in Redis."""

    prefix = "berth:{longline}:"
    key = prefix + "line"

    def __init__(self, bench: Bench):
        self.redis = Redis(bench.redis().removeprefix("unix://"))

    def count(self) -> int:
        return self.redis("ZCARD", self.key)

    def held(self) -> int:
        """Slots of the clients that hold them until all wait."""
        return self.redis("SCARD", self.prefix + "tenant:default:held")

    def settle(self, count, timeout, what=None):
        until = time.monotonic() + timeout
        while (now := (what or self.count)()) != count:
            if time.monotonic() > until:
                raise SystemExit(f"bench: {now} of {count} clients are there after {timeout} s")
            time.sleep(0.05)

    def places(self) -> dict[bytes, int]:
        """waiter → its place."""
        return {waiter: place for place, waiter in enumerate(self.redis("ZRANGE", self.key, 0, -1))}

    def look(self) -> tuple[int, bytes | None]:
        """How many wait, and the first of them, at one time."""
        for words in (("MULTI",), ("ZCARD", self.key), ("ZRANGE", self.key, 0, 0), ("EXEC",)):
            answer = self.redis(*words)
        count, first = answer
        return count, first[0] if first else None


def drain(line: Line, places: dict[bytes, int]) -> dict:
    """Looks at the line until nobody waits."""
    looks = passed = 0
    began, until, left = time.monotonic(), time.monotonic() + TIMEOUT_SECONDS, len(places)
    while left:
        left, first = line.look()
        looks += 1
        if first and places[first] != len(places) - left:
            passed += 1
        if time.monotonic() > until:
            break
        time.sleep(SAMPLE_SECONDS)
    return {"drain_seconds": time.monotonic() - began, "looks": looks, "passed": passed, "left": left}


def measure(bench: Bench, *, waiting) -> dict:
    both = {bench.load_core, bench.proxy_core}
    bench.redis_core = both
    limits = f"crowd:cap={SLOTS},maxQueue=1000000,parkedMax=1000000"
    gateways, addresses = zip(*(
        bench.berth(f"longline{number}", "gateway", "--tenant", limits, fleet="longline", core=both)
        for number in range(gateways_for(waiting))
    ))
    command = f"{bench.binary('loadtest')} echo"
    bench.berth(
        "longline-worker", "worker", "--kind", "command", "--command", command, "--mode", "shared", "--sessions", str(SLOTS),
        "--max-sessions", "1000000", "--pool", f"{bench.pool}={SLOTS}", fleet="longline", core=both)
    line = Line(bench)
    target = f"/pool/{bench.pool}/echo"
    holders = bench.loadtest("longline-holders", "park", "--to", addresses[0], "--target", target)
    holders.ask(str(SLOTS))
    line.settle(SLOTS, 10, line.held)
    each = waiting // GENERATORS
    file = {
        "slots": SLOTS, "duration": f"{COME_SECONDS}s", "arrivals": {"constant": f"{each / COME_SECONDS:.10g}/s"},
        "tenants": {"crowd": {}},
    }
    began = time.monotonic()
    loads = [
        Scenario(
            bench, f"longline-load{number}", file, [f"{address}{target}" for address in addresses], core=both)
        for number in range(GENERATORS)
    ]
    line.settle(each * GENERATORS, COME_SECONDS + 30)
    came = time.monotonic() - began
    time.sleep(2)
    before = [cpu_seconds(child.pid) for child in gateways]
    time.sleep(IDLE_SECONDS)
    idle = [(cpu_seconds(child.pid) - first) / IDLE_SECONDS for child, first in zip(gateways, before)]
    places = line.places()
    holders.end()
    found = drain(line, places)
    results = [load.result() for load in loads]
    sessions = [result["sessions"] for result in results]
    return {
        "waiting": each * GENERATORS, "gateways": len(gateways), "came_seconds": came, "idle": idle, **found,
        "served": sum(one["served"] for one in sessions),
        "refused": sum(sum(one["refused"].values()) for one in sessions),
        "lost": sum(one["lost"] + one["broken"] + one["unreachable"] + one["gaveUp"] for one in sessions),
        "overtaken": sum(one["overtaken"] for one in sessions),
        "late_ms": max(result["delay"]["max"] for result in results),
    }


def faults(found) -> list[str]:
    words = []
    for what in ("refused", "lost", "passed"):
        if found[what]:
            words.append(f"{found[what]} of {found['waiting']} waiting clients: {what}")
    if found["served"] != found["waiting"]:
        words.append(f"{found['served']} of {found['waiting']} waiting clients were served")
    if max(found["idle"]) > IDLE_SHARE_MAX:
        words.append(f"an idle gateway takes {max(found['idle']):.1%} of a core: {IDLE_SHARE_MAX:.0%} is the aim")
    return words
