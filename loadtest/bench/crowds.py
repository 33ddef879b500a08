#!/usr/bin/env python3
"""How long an honest client waits for its 101 beside crowds that take their time, and what they cost a gateway.

    python3 loadtest/bench/crowds.py [--count 2000] [--readers 2000] [--waiting 10000] [--resets 20000] [--seconds 60]

Each part has a gateway of its own. The honest client comes again and again, 20 s before the crowd and during it. It has
a tenant and slots of its own. Crowds, Redis and the honest client share a core, so their noise is in its times.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import flood
from parking import memory
from processes import HERE, Bench
from tls import cpu_seconds

ROOT = os.path.dirname(os.path.dirname(HERE))
SUPPORT = os.path.join(ROOT, "Tests", "support")
ALONE_SECONDS = 20
# The slots of one worker are limited.
SLOTS_MAX = 1_000
RESET_RATE = 2_000
# All readers together send less than the kernel's memory for TCP (`tcp_mem`), 2.2 GB on a machine of 24 GB. Beyond it
# the kernel calls sockets writable and takes no byte, so that the gateway tries again and again.
READER_KIB = 512
# The share of a core below which a crowd is there, and its buffers are full.
CALM_SHARE = 0.15
RESET_OPEN = 88


class Front:
    """A gateway and its workers, of which the honest client's pool is apart."""

    def __init__(self, bench: Bench, name: str, crowd_slots: int):
        self.bench, self.name = bench, name
        self.workers = [self.worker("honest", 8)]
        for number in range(0, crowd_slots, SLOTS_MAX):
            self.workers.append(self.worker(f"crowd{number}", min(SLOTS_MAX, crowd_slots - number)))
        limits = f"crowd:cap={crowd_slots},maxQueue=20000,parkedMax=20000"
        tenants = ["--tenant", limits, "--tenant", "quiet:cap=8"]
        self.child, address = bench.berth(name, "gateway", *tenants, fleet=name)
        self.host, _, self.port = address.rpartition(":")
        for worker in self.workers:
            worker.wait_for("registered")

    def worker(self, pool: str, slots: int):
        label = "honest" if pool == "honest" else "crowd"
        arguments = ["--redis", self.bench.redis(), "--fleet", self.name, "--node-secret-file", self.bench.secret]
        arguments += ["--pool", label, "--slots", str(slots)]
        return self.bench.loadtest(f"worker-{self.name}-{pool}", "worker", *arguments, to_file=True)

    def waits(self, seconds: float) -> list[float]:
        return flood.waits(self.host, int(self.port), "honest", seconds)

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.child.pid}/fd"))

    def end(self):
        self.child.end()
        for worker in self.workers:
            worker.end()


def crowd(bench: Bench, front: Front, kind: str, count: int, seconds: float):
    """Starts a crowd and awaits that all of it is there."""
    argv = [sys.executable, "-I", "-S", os.path.join(SUPPORT, "crowd.py"), front.port, kind, str(count), str(seconds)]
    argv += ["--tenant", "crowd", "--path", "/pool/crowd/echo", "--kib", str(READER_KIB)]
    child = bench.start(f"crowd-{kind}", argv)
    assert json.loads(child.line())["event"] == "begun"
    until, used = time.monotonic() + 30, 1.0
    while used > CALM_SHARE and time.monotonic() < until:
        before = cpu_seconds(front.child.pid)
        time.sleep(1)
        used = cpu_seconds(front.child.pid) - before
    return child


def resets(bench: Bench, front: Front, count: int):
    argv = [sys.executable, "-I", "-S", os.path.join(SUPPORT, "flooder.py"), front.port, str(count / RESET_RATE)]
    argv += [str(RESET_OPEN), "--head", "crowd", "/pool/crowd/echo", "--rate", str(RESET_RATE)]
    return bench.start("crowd-resets", argv)


def measure(bench: Bench, kind: str, count: int, seconds: float) -> dict:
    front = Front(bench, kind, count if kind == "readers" else 1)
    flood.once(front.host, int(front.port), "honest")
    alone = front.waits(min(ALONE_SECONDS, seconds))
    before, files = memory(front.child.pid)["rss"], front.descriptors()
    if kind == "resets":
        seconds = count / RESET_RATE
        child = resets(bench, front, count)
    else:
        # It stays while it settles, and for all the time that is measured.
        child = crowd(bench, front, kind, count, seconds + 35)
    beside = front.waits(seconds)
    during = memory(front.child.pid)["rss"]
    counts = json.loads(child.line())
    flood.calm(bench.redis())
    until = time.monotonic() + 90
    while front.descriptors() > files + 1 and time.monotonic() < until:
        time.sleep(0.1)
    left, after = front.descriptors() - files, memory(front.child.pid)["rss"]
    front.end()
    return {
        "alone": alone, "beside": beside, "each": (during - before) / count, "before": before, "during": during,
        "after": after, "left": max(0, left), "counts": counts,
    }


def median(took: list[float]) -> float:
    return sorted(took)[len(took) // 2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2_000, help="slow heads")
    parser.add_argument("--readers", type=int, default=2_000, help="slow readers")
    parser.add_argument("--waiting", type=int, default=10_000, help="connections of one tenant that wait")
    parser.add_argument("--resets", type=int, default=20_000, help="connections that reset")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--bin", default=os.path.join(ROOT, ".build", "release"), help="folder of the binaries")
    options = parser.parse_args()
    began = time.monotonic()
    parts = {"heads": options.count, "readers": options.readers, "parked": options.waiting, "resets": options.resets}
    found = {}
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as folder, Bench(folder, options.bin) as bench:
        for kind, count in parts.items():
            if count:
                found[kind] = measure(bench, kind, count, options.seconds)
                print(f"{kind}: {found[kind]['counts']}", flush=True)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    print(f"commit {commit.strip()}, {options.seconds:.0f} s, load average {os.getloadavg()[0]:.1f}")
    print("| crowd | honest client alone: median, p99 ms | beside | memory a connection | gateway, MB | files left |")
    print("|---|---|---|---|---|---|")
    for kind, it in found.items():
        times = [f"{median(it[when]):.1f}, {flood.p99(it[when]):.1f}" for when in ("alone", "beside")]
        print(
            f"| {parts[kind]:,} {kind} | {times[0]} | {times[1]} | {it['each'] / 1024:.1f} KiB "
            f"| {it['before'] / 1e6:.0f} → {it['during'] / 1e6:.0f} → {it['after'] / 1e6:.0f} | {it['left']} |"
        )
    print(f"{time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
