"""The part of one tenant's crowd: 200 of its clients come back after each session, and one client of another tenant.

Through Berth each tenant has at most 2 of the 4 slots. HAProxy has no such limit: its queue takes the crowd's clients as
all others. Everything but the clients is on one core.
"""

import handoff
from processes import Bench
from scenario import Scenario, tenant

CROWD = 200
CAP = 2
HELD_MS = 20
THINK_MS = 5
# Whether the crowd's clients wait for their slots, or reset their connections after a while and come back.
PATIENCE_MS = {"wait": None, "give up after 100 ms": 100}
# The aim, in milliseconds.
P99_MAX = 5


def run(bench: Bench, name, address, *, patience, cap, seconds) -> dict:
    crowd = {"arrivals": {"closed": CROWD}}
    quiet = {"arrivals": {"closed": 1}, "think": f"{THINK_MS}ms"}
    if patience:
        crowd["patience"] = f"{patience}ms"
    if cap:
        crowd["cap"] = quiet["cap"] = cap
    file = {
        "slots": handoff.SEATS, "duration": f"{seconds}s", "hold": f"{HELD_MS}ms",
        "tenants": {"crowd": crowd, "quiet": quiet},
    }
    result = Scenario(bench, name, file, [address]).result(seconds + 60)
    wait = tenant(result, "quiet")["wait"]
    gave_up = result["sessions"]["gaveUp"]
    return {
        "p50": wait["p50"], "p99": wait["p99"], "clients": wait["count"],
        "crowd_served": tenant(result, "crowd")["served"] / seconds, "gave_up": gave_up / seconds,
        "void": result["checks"]["void"],
    }


def measure(bench: Bench, *, seconds) -> dict:
    caps = [word for name in ("crowd", "quiet") for word in ("--tenant", f"{name}:cap={CAP},maxQueue=20000")]
    proxies = {
        "haproxy": handoff.haproxy(bench)[0] + handoff.TARGETS["haproxy"],
        "berth": handoff.berth(bench, handoff.SEATS, *caps)[0] + handoff.TARGETS["berth"],
    }
    runs = {
        how: {
            name: run(
                bench, f"reconnects-{name}-{patience}", address, patience=patience,
                cap=CAP if name == "berth" else None, seconds=seconds)
            for name, address in proxies.items()
        }
        for how, patience in PATIENCE_MS.items()
    }
    return {"seconds": seconds, "runs": runs}


def faults(found) -> list[str]:
    words = []
    for how, runs in found["runs"].items():
        if runs["berth"]["p99"] > P99_MAX:
            words.append(
                f"one client waits {runs['berth']['p99']:.1f} ms (99 of 100) beside a crowd whose clients {how}: "
                f"{P99_MAX} ms is the aim")
        # A slot that is granted to a client that gives up at that moment is not used. The table shows what is served.
        words += [
            f"{name}, the crowd's clients {how}: {one}" for name, run in runs.items() for one in run["void"]
            if not one.startswith("work conservation")
        ]
    return words
