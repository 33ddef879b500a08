"""The connect part: the time from connect to 101 with a slot free, and the CPU, with one client and 32 at a time.

The clients have one core. Gateway, worker, Redis and sidecar, or HAProxy and the same echo server, have the other.
"""

import statistics

import handoff
from processes import Bench

SLOTS = 64
AT_ONCE = (1, 32)
CONNECTS = 3_000
# Berth's median may be so many times HAProxy's, with one client at a time. With 32 at a time the core is full, so the
# clients wait for the core, and the ratio is not judged.
RATIO_MAX = 4


def measure(bench: Bench, *, rounds) -> dict:
    proxies = {"haproxy": handoff.haproxy(bench, SLOTS), "berth": handoff.berth(bench, SLOTS)}
    loads = {
        name: bench.loadtest(f"connect-{name}", "handoff", "--to", address, "--target", handoff.TARGETS[name])
        for name, (address, _) in proxies.items()
    }
    runs = {name: {str(count): [] for count in AT_ONCE} for name in loads}
    for number in range(rounds):
        order = list(loads.items())
        for name, load in order if number % 2 == 0 else order[::-1]:
            pids = ",".join(str(child.pid) for child in proxies[name][1])
            load.ask(f"connect 100 1 {pids}")
            for count in AT_ONCE:
                runs[name][str(count)].append(load.ask(f"connect {CONNECTS} {count} {pids}"))
    return {"rounds": rounds, "connects": CONNECTS, "runs": runs}


def shape(found, name, count) -> dict:
    """Milliseconds, and microseconds of CPU of each process for one connect: medians over the rounds."""
    runs = found["runs"][name][str(count)]
    out = {f"p{at}": statistics.median(handoff.p(run["connects"], at) for run in runs) for at in (50, 99)}
    columns = zip(*(run["cpu_seconds"] for run in runs))
    out["cpu"] = [statistics.median(column) / found["connects"] * 1e6 for column in columns]
    return out


def faults(found) -> list[str]:
    ours, theirs = shape(found, "berth", 1), shape(found, "haproxy", 1)
    if ours["p50"] <= RATIO_MAX * theirs["p50"]:
        return []
    return [f"a connect takes {ours['p50'] / theirs['p50']:.1f} times HAProxy's"]
