"""The part of disruptions: sessions served a second while a fleet loses a part, is flooded, or restarts.

Clients of one tenant are more than slots, and each has one session after the other: so the rate shows the slots that
serve. Each disruption has a fleet of its own: three gateways, four workers.
"""

import os
import signal
import time

from processes import Bench, Child
from scenario import Scenario

GATEWAYS = 3
WORKERS = 4
SEATS = 6
CLIENTS = 96
HELD_MS = 100
# Clients start, then the rate before the disruption is measured.
START_SECONDS = 3
BEFORE_SECONDS = 5
# The rate must be this part of the rate before it, slots that are gone not counted.
SHARE_MIN = 0.95
# The window in which the lowest rate is looked for.
WINDOW_SECONDS = 1.0

# 500 clients a second ask for pools that no worker has: half of them for pools that no worker ever had, half for pools
# whose worker is gone. They wait for 300 ms.
FLOOD_RATE = 500
FLOOD_LABELS = 32
FLOOD_PATIENCE_MS = 300


class Fleet:
    def __init__(self, bench: Bench, name):
        self.bench, self.name, self.both = bench, name, {bench.load_core, bench.proxy_core}
        self.workers = [
            self.worker(f"worker{number}", "--pool", f"{bench.pool}={SEATS}", sessions=SEATS) for number in range(WORKERS)
        ]
        self.gateways, self.addresses = [], []
        for number in range(GATEWAYS):
            child, address = self.gateway(number)
            self.gateways.append(child)
            self.addresses.append(address)

    def worker(self, name, *pools, sessions) -> Child:
        command = f"{self.bench.binary('loadtest')} echo"
        return self.bench.berth(
            f"{self.name}-{name}", "worker", "--kind", "command", "--command", command, "--mode", "shared",
            "--sessions", str(sessions), "--max-sessions", "1000000", *pools, fleet=self.name, core=self.both)[0]

    def gateway(self, number, listen="127.0.0.1:0", again="") -> tuple[Child, str]:
        return self.bench.berth(
            f"{self.name}-gateway{number}{again}", "gateway", "--tenant", "flood:cap=2,maxQueue=20000", fleet=self.name,
            core=self.both, listen=listen)

    def urls(self, label) -> list[str]:
        return [f"{address}/pool/{label}/echo" for address in self.addresses]

    def end(self):
        for child in (*self.gateways, *self.workers):
            # A process that is stopped ends by no other signal.
            if child.process.poll() is None:
                child.process.kill()
                child.process.wait()
            child.end()


# Each event returns at once, or when the restarts are over; a flood is returned as the run that makes it.
def kill_gateway(fleet: Fleet):
    os.kill(fleet.gateways[0].pid, signal.SIGKILL)


def stop_worker(fleet: Fleet):
    os.kill(fleet.workers[0].pid, signal.SIGSTOP)


def flood(fleet: Fleet) -> Scenario:
    labels = [f"{kind}{number}" for kind in ("never", "gone") for number in range(FLOOD_LABELS)]
    file = {
        "slots": 1, "duration": f"{DISRUPTIONS['flood'].seconds}s", "arrivals": {"constant": f"{FLOOD_RATE}/s"},
        "tenants": {"flood": {"patience": f"{FLOOD_PATIENCE_MS}ms"}},
    }
    urls = [fleet.urls(label)[number % GATEWAYS] for number, label in enumerate(labels)]
    return Scenario(fleet.bench, f"{fleet.name}-flood", file, urls, core=fleet.both)


def before_flood(fleet: Fleet):
    pools = [word for number in range(FLOOD_LABELS) for word in ("--pool", f"gone{number}=1")]
    fleet.worker("gone", *pools, sessions=1).end()


def roll(fleet: Fleet):
    """Each gateway drains and ends, and starts again on its port before the next one."""
    for number, child in enumerate(fleet.gateways):
        child.process.terminate()
        child.process.wait(60)
        fleet.gateways[number], _ = fleet.gateway(number, fleet.addresses[number], "-again")


class Disruption:
    """`bound` is how many seconds after the event the promises allow slots to be out; `gone` is the part of the slots that
    stay out. `seconds` are measured after the event."""

    def __init__(self, title, event, *, bound, gone=0.0, seconds, prepare=None):
        self.title, self.event, self.prepare = title, event, prepare
        self.bound, self.gone, self.seconds = bound, gone, seconds


DISRUPTIONS = {
    "gateway": Disruption("kill -9 of one of three gateways", kill_gateway, bound=6, seconds=12),
    "worker": Disruption("SIGSTOP of one of four workers", stop_worker, bound=11, gone=1 / WORKERS, seconds=17),
    "flood": Disruption(
        "500 clients a second ask for pools that no worker has", flood, bound=0, seconds=9, prepare=before_flood),
    "roll": Disruption("three gateways restart one after the other", roll, bound=0, seconds=12),
}


def run(bench: Bench, name) -> dict:
    disruption = DISRUPTIONS[name]
    fleet = Fleet(bench, name)
    if disruption.prepare:
        disruption.prepare(fleet)
    seconds = START_SECONDS + BEFORE_SECONDS + disruption.seconds + 1
    file = {
        "slots": WORKERS * SEATS, "duration": f"{seconds}s", "hold": f"{HELD_MS}ms", "arrivals": {"closed": CLIENTS},
    }
    began = time.monotonic()
    load = Scenario(bench, f"{name}-load", file, fleet.urls(bench.pool), core=fleet.both)
    time.sleep(max(0, began + START_SECONDS + BEFORE_SECONDS - time.monotonic()))
    event = time.monotonic() - began
    flooders = disruption.event(fleet)
    over = time.monotonic() - began
    time.sleep(max(0, began + seconds - time.monotonic()))
    if name == "worker":
        # Its clients would wait for the end of their sessions.
        fleet.workers[0].process.kill()
    result = load.result()
    more = {"flood": flooders.result()["sessions"]} if flooders else {}
    fleet.end()
    timeline = result["timeline"]
    sessions = result["sessions"]
    return {
        "step": timeline["stepMilliseconds"] / 1_000, "served": timeline["served"][: round(seconds * 10)],
        "event": event, "over": over, "lost": sessions["lost"], "broken": sessions["broken"],
        "refused": sessions["refused"], "unreachable": sessions["unreachable"], **more,
    }


def measure(bench: Bench) -> dict:
    return {"runs": {name: run(bench, name) for name in DISRUPTIONS}}


def rate(found, since, until) -> float:
    """Sessions served a second between two times of the run."""
    first, last = (min(round(at / found["step"]), len(found["served"]) - 1) for at in (since, until))
    return (found["served"][last] - found["served"][first]) / ((last - first) * found["step"])


def shape(name, found) -> dict:
    """The rates, as parts of the rate before the disruption with the slots that are left."""
    disruption = DISRUPTIONS[name]
    event, end = found["event"], found["event"] + disruption.seconds
    before = rate(found, event - BEFORE_SECONDS, event)
    left = before * (1 - disruption.gone)
    steps = round(disruption.seconds / found["step"]) - round(WINDOW_SECONDS / found["step"])
    windows = [rate(found, at, at + WINDOW_SECONDS) / left for at in (event + step * found["step"] for step in range(steps + 1))]
    return {
        "before": before,
        "within": rate(found, event, event + disruption.bound) / left if disruption.bound else None,
        "after": rate(found, event + disruption.bound, end) / left,
        "lowest": min(windows),
    }


def faults(found) -> list[str]:
    words = []
    for name, one in found["runs"].items():
        after = shape(name, one)["after"]
        if after < SHARE_MIN:
            words.append(f"{DISRUPTIONS[name].title}: {after:.0%} of the rate before: {SHARE_MIN:.0%} is promised")
        if one["refused"]:
            words.append(f"{DISRUPTIONS[name].title}: clients were refused, by status: {one['refused']}")
    if lost := found["runs"]["roll"]["lost"]:
        words.append(f"{DISRUPTIONS['roll'].title}: {lost} clients were lost")
    return words
