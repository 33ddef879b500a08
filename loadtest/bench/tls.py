#!/usr/bin/env python3
"""What TLS costs a gateway beside plain HTTP: memory of parked connections, CPU of relayed bytes and of handshakes.

    python3 loadtest/bench/tls.py [--waiters 1000] [--rounds 3] [--bin .build/release]

Each round has a fresh gateway per variant. Memory is RSS by the number of waiters, the CPU that of the gateway alone.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

import parking
import relay
from processes import Bench

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TICKS = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20
VARIANTS = {"plain": None, "ECDSA P-256": ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"], "RSA 2048": ["rsa:2048"]}


def certificate(folder, name, algorithm) -> tuple[str, str]:
    """A certificate that signed itself, and its key."""
    pem, key = os.path.join(folder, f"{name}.pem"), os.path.join(folder, f"{name}.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", *algorithm, "-nodes", "-days", "2", "-subj", "/CN=bench",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", pem],
        check=True, capture_output=True)
    return pem, key


def cpu_seconds(pid) -> float:
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Gateway:
    """A gateway with a worker that has no sidecars, and what a client of it needs."""

    def __init__(self, bench: Bench, name, algorithm, slots):
        self.bench, self.name = bench, name
        flags, self.authority = [], []
        if algorithm:
            pem, key = certificate(bench.folder, name, algorithm)
            flags, self.authority = ["--tls-certificate", pem, "--tls-key", key], ["--authority", pem]
        self.worker = bench.worker_without_sidecars(name, slots=slots)
        self.child, self.address = bench.berth(name, "gateway", *flags, fleet=name)
        self.worker.wait_for("registered")

    def waiting(self) -> int:
        return parking.waiting(self.bench, self.name)

    def end(self):
        self.child.end()
        self.worker.end()


def park(bench: Bench, name, algorithm, waiters) -> dict:
    """Bytes of memory and seconds of CPU a parked connection. The CPU is that of accept, handshake and enqueue."""
    gateway = Gateway(bench, name, algorithm, slots=1)
    target = f"/pool/{bench.pool}/echo"
    load = bench.loadtest(f"park-{name}", "park", "--to", gateway.address, "--target", target, *gateway.authority)
    load.ask("2")
    parking.settle(gateway.waiting, 1)
    before, cpu = parking.memory(gateway.child.pid), cpu_seconds(gateway.child.pid)
    load.ask(str(waiters))
    parking.settle(gateway.waiting, waiters + 1)
    # Handshakes are over when all wait. Freed memory of theirs is given back or used again.
    after, used = parking.memory(gateway.child.pid), cpu_seconds(gateway.child.pid) - cpu
    load.end()
    gateway.end()
    return {"bytes": (after["rss"] - before["rss"]) / waiters, "cpu_us": used / waiters * 1e6}


def carry(bench: Bench, name, algorithm, window_ms) -> dict:
    """Milliseconds of the gateway's CPU a MiB, streamed by the peer to many clients; microseconds a small message."""
    gateway = Gateway(bench, name, algorithm, slots=relay.CONNECTIONS * relay.SETS)
    load = relay.opened(bench, name, gateway.address, f"/pool/{bench.pool}", *gateway.authority)
    variant = relay.Variant(name, load, [gateway.child.pid])
    bulk = relay.run(variant, "down", window_ms)
    ping = relay.run(variant, "ping 64 64", window_ms)
    load.end()
    gateway.end()
    return {
        "ms_a_mib": bulk["cpu_seconds"] * 1e3 / (bulk["operations"] / MIB),
        "us_a_message": ping["cpu_seconds"] * 1e6 / ping["operations"],
        "mib_a_second": bulk["operations"] / MIB / bulk["seconds"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--waiters", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--window", type=int, default=1_000, help="milliseconds of a measurement of the relay")
    parser.add_argument("--bin", default=os.path.join(ROOT, ".build", "release"), help="folder of the binaries")
    options = parser.parse_args()
    began = time.monotonic()
    runs: dict[str, list[dict]] = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as folder, Bench(folder, options.bin) as bench:
        for number in range(options.rounds):
            for variant, algorithm in VARIANTS.items():
                name = f"{variant.split()[0].lower()}-{number}"
                runs[variant].append({
                    **park(bench, f"park-{name}", algorithm, options.waiters),
                    **carry(bench, f"carry-{name}", algorithm, options.window),
                })
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    print(f"commit {commit.strip()}, {options.waiters} waiters, medians of {options.rounds} rounds")
    print("| | plain | TLS, ECDSA P-256 | TLS, RSA 2048 |\n|---|---|---|---|")
    for field, words in [
        ("bytes", "memory of a parked connection, bytes"),
        ("cpu_us", "CPU from accept to the queue, µs"),
        ("ms_a_mib", "CPU of a relayed MiB, ms"),
        ("us_a_message", "CPU of a message of 64 bytes there and back, µs"),
    ]:
        values = [statistics.median(run[field] for run in runs[variant]) for variant in VARIANTS]
        print(f"| {words} | " + " | ".join(f"{value:,.3g}" if value < 100 else f"{value:,.0f}" for value in values) + " |")
    print(f"{time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
