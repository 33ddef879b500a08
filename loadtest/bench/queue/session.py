#!/usr/bin/env python3
"""What one session costs Redis: `enqueue`, `release`, `ready`, `accept`, and its share of a gateway's `collect`.

For each line of standard input it measures once more and prints one JSON object on a line: part → row → figure →
number. Versions of this program agree on this and on the options, and on nothing else: `bench.py --baseline` runs that
of another version with that version's scripts, and compares figures of equal names. `commands`, `script_us` and
`instructions` are of one call in the row of a call, and of one session in the row `session`; so is `core_us`.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import dispatch  # noqa: E402
from callgrind import Callgrind  # noqa: E402
from fleet import Fleet, command_times, expect, info  # noqa: E402
from processes import Bench  # noqa: E402
from seats import SESSIONS_A_COLLECT, Seats  # noqa: E402
from servers import Servers  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
LUA = os.path.join(ROOT, "Sources", "Queue", "Redis", "Scripts")
WORKERS, SLOTS = 16, 4
TENANTS, SELECTORS = 20, 3
# A collect finds at most so many grants.
GRANTS = 256
KINDS = {"a seat of its own": False, "a shared seat": True}


class Times:
    """By Redis' own count, since the last time."""

    def __init__(self, redis):
        self.redis, self.before = redis, command_times(redis)

    def __call__(self) -> dict[str, int]:
        now = command_times(self.redis)
        took, commands = (a - b for a, b in zip(now, self.before))
        self.before = now
        return {"script_us": took, "commands": commands}


def cpu(redis) -> float:
    """The seconds of Redis' main thread so far."""
    found = info(redis, "cpu")
    return float(found["used_cpu_user_main_thread"]) + float(found["used_cpu_sys_main_thread"])


class Sessions:
    """A fleet whose slots are all leased, and hundreds wait for one."""

    def __init__(self, path, shas, *, shared, gateways, waiting, turns, probe_of):
        self.turns = turns
        self.fleet = Fleet(
            path, shas, name=f"shared-{shared}", tenants=TENANTS, selectors=SELECTORS, capped=False)
        for _ in range(gateways - 1):
            self.fleet.open_gateway()
        self.fleet.take(1)
        gateways_open = list(self.fleet.slices)
        for number in range(waiting + WORKERS * SLOTS):
            self.fleet.gateway = gateways_open[number % gateways]
            self.fleet.one(self.fleet.next_enqueue(), b"queued")
        self.fleet.join(workers=WORKERS, slots=SLOTS)
        held = self.fleet.proved([self.fleet.heard.get(timeout=60) for _ in range(WORKERS * SLOTS)])
        self.seats = Seats(self.fleet, held, shared=shared)
        self.probe = probe_of(self.fleet.redis)

    def warm_up(self):
        """Until each step is made and Redis' tables have grown."""
        for _ in range(self.turns // 2):
            self.seats.turn()

    def by_step(self) -> dict[str, dict[str, float]]:
        """Each step alone: its figures for a call; and the sum that a session makes."""
        totals: dict[str, dict[str, int]] = {}
        counts: dict[str, int] = {}

        def note(step, calls):
            counts[step] = counts.get(step, 0) + calls
            for figure, amount in self.probe().items():
                of_step = totals.setdefault(step, {})
                of_step[figure] = of_step.get(figure, 0) + (amount if calls else 0)

        self.probe()
        for _ in range(self.turns):
            self.seats.turn(note)
        rows = {
            step: {figure: total / counts[step] for figure, total in totals[step].items()}
            for step in (*self.seats.steps, "collect")
        }
        shares = {step: 1 / SESSIONS_A_COLLECT if step == "collect" else 1 for step in rows}
        figures = list(rows["collect"])
        rows["session"] = {figure: sum(rows[step][figure] * share for step, share in shares.items()) for figure in figures}
        return rows

    def at_once(self) -> float:
        """Microseconds of Redis' core for a session, all steps on their way at once."""
        before = cpu(self.fleet.redis)
        sessions = sum(self.seats.turn() for _ in range(self.turns))
        return (cpu(self.fleet.redis) - before) / sessions * 1e6


class Collects:
    """A gateway whose collects find as many grants as they may."""

    def __init__(self, path, shas, *, calls, probe_of):
        self.calls = calls
        self.fleet = Fleet(path, shas, name="collects", tenants=1, selectors=1, capped=True)
        self.fleet.join(workers=GRANTS // 16, slots=16)
        for reply in self.fleet.ask([self.fleet.enqueue(self.fleet.new_waiter(), "served") for _ in range(GRANTS)]):
            expect(reply, b"granted")
        self.probe = probe_of(self.fleet.redis)

    def collected(self) -> dict[str, float]:
        taken = []
        self.probe()
        for _ in range(self.calls):
            if len(self.fleet.grants_of(self.fleet.one(self.fleet.collect()))) != GRANTS:
                raise SystemExit("bench: a collect found other grants than all")
            taken.append(self.probe())
        return {figure: statistics.median(one[figure] for one in taken) for figure in taken[0]}


def lines(sources) -> dict[str, dict[str, int]]:
    """Of Lua, comments and empty lines too; and of the longest script as Redis gets it."""
    found = 0
    for folder, _, names in os.walk(LUA):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                found += file.read().count(b"\n")
    return {"all": {"lines": found}, "longest": {"lines": max(source.count(b"\n") for source in sources.values())}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder of the binaries")
    parser.add_argument("--instructions", action="store_true", help="count instructions by callgrind, and nothing else")
    parser.add_argument("--quick", action="store_true", help="fewer sessions")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="berth-session-") as folder, Bench(folder, options.bin) as bench:
        os.sched_setaffinity(0, {bench.load_core})
        sources = dispatch.scripts(bench)
        shas = {verb: dispatch.sha(source) for verb, source in sources.items()}
        callgrind = Callgrind(folder) if options.instructions else None

        def probe_of(redis):
            return (lambda: {"instructions": callgrind.taken(redis)}) if callgrind else Times(redis)

        path = Servers(bench, sources, callgrind=callgrind, first=not (callgrind or options.quick))()
        # Lua's collector of garbage runs after each 50 calls; 25 turns of 64 calls spread it evenly over the steps.
        gateways, waiting, turns = (1, 100, 8) if options.quick else (4, 400, 25)
        kinds = {
            kind: Sessions(
                path, shas, shared=shared, gateways=gateways, waiting=waiting, turns=turns, probe_of=probe_of)
            for kind, shared in KINDS.items()
        }
        collects = Collects(path, shas, calls=4 if callgrind else 20, probe_of=probe_of)
        for sessions in kinds.values():
            sessions.warm_up()
        for _ in sys.stdin:
            found: dict = {kind: sessions.by_step() for kind, sessions in kinds.items()}
            found["a collect"] = {f"of {GRANTS} grants": collects.collected()}
            if not callgrind:
                for kind, sessions in kinds.items():
                    found[kind]["session"]["core_us"] = sessions.at_once()
                found["Lua"] = lines(sources)
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
