"""The hand-off part: how fast a freed seat reaches the next client, through Berth and through HAProxy's queue by turns.

Everything but the clients is on one core: gateway, worker, Redis and sidecar, or HAProxy and the same echo server.
"""

import statistics

from processes import Bench, Child

SEATS = 4
WAITING = (50, 500, 10_000)
HELD_MS = 20
SESSIONS = 800
# The sessions before those that are counted: 7 s of them, because 10,000 clients need some seconds to come.
FIRST_MAX = 1_400
TARGETS = {"haproxy": "/echo", "berth": "/pool/bench/echo"}
# What is promised: Berth's time over HAProxy's, and the share of the seats' time that sessions use.
RATIO_MAX = 2
USED_MIN = 0.9


def p(took, hundredth) -> float:
    took = sorted(took)
    return took[min(len(took) - 1, len(took) * hundredth // 100)]


def haproxy(bench: Bench, seats=SEATS) -> tuple[str, list[Child]]:
    """The address, and the process."""
    echo = bench.start("echo", [bench.binary("loadtest"), "echo"], core=bench.proxy_core)
    peer = echo.line().removeprefix("ws://").partition("/")[0]
    child, address, _ = bench.haproxy("haproxy", peer=peer, slots=seats, bufsize=16 * 1024)
    return address, [child]


def berth(bench: Bench, seats=SEATS, *arguments, under=None, **more) -> tuple[str, list[Child]]:
    """The address, and gateway and worker. `arguments` are the gateway's; `under` names programs that run either."""
    bench.redis_core = bench.proxy_core
    under = under or {}
    command = f"{bench.binary('loadtest')} echo"
    worker, _ = bench.berth(
        "worker", "worker", "--kind", "command", "--command", command, "--mode", "shared", "--sessions", str(seats),
        "--max-sessions", "1000000", "--pool", f"{bench.pool}={seats}", fleet="handoff",
        under=under.get("worker", ()), **more)
    gateway, address = bench.berth(
        "gateway", "gateway", *arguments, fleet="handoff", under=under.get("gateway", ()), **more)
    return address, [gateway, worker]


def measure(bench: Bench, *, rounds) -> dict:
    addresses = {"haproxy": haproxy(bench)[0], "berth": berth(bench)[0]}
    loads = {
        name: bench.loadtest(f"handoff-{name}", "handoff", "--to", address, "--target", TARGETS[name])
        for name, address in addresses.items()
    }
    for load in loads.values():
        load.ask("connect 50 1 -")
    runs = {name: {str(waiting): [] for waiting in WAITING} for name in loads}
    for number in range(rounds):
        order = list(loads.items())
        for name, load in order if number % 2 == 0 else order[::-1]:
            for waiting in WAITING:
                first = min(waiting + SEATS, FIRST_MAX)
                runs[name][str(waiting)].append(load.ask(f"queue {SEATS} {waiting} {HELD_MS} {SESSIONS} {first}"))
    return {"rounds": rounds, "runs": runs}


def shape(found, name, waiting) -> dict:
    """Medians over the rounds."""
    runs = found["runs"][name][str(waiting)]
    out = {f"p{at}": statistics.median(p(run["hand_offs"], at) for run in runs) for at in (50, 99)}
    out["used"] = statistics.median(run["used"] for run in runs)
    return out


def faults(found) -> list[str]:
    words = []
    for waiting in WAITING:
        ours, theirs = shape(found, "berth", waiting), shape(found, "haproxy", waiting)
        for at in ("p50", "p99"):
            if ours[at] > RATIO_MAX * theirs[at]:
                words.append(f"{waiting} waiting: {at} of the hand-off is {ours[at] / theirs[at]:.1f} times HAProxy's")
        if ours["used"] < USED_MIN:
            words.append(f"{waiting} waiting: sessions use {ours['used']:.0%} of the seats' time")
    return words
