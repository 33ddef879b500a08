"""The flood part: how long a tenant's clients wait for their 101 while another tenant's clients connect and reset.

The flood comes from two processes with 88 connections open at most, 5,000 a second. They share a core with Redis and
with the other tenant's clients. Those come one after the other, before the flood and during it.
"""

import json
import os
import socket
import sys
import time

from parking import memory
from processes import HERE, Bench

FLOODER = os.path.join(os.path.dirname(os.path.dirname(HERE)), "Tests", "support", "flooder.py")
PROCESSES = 2
OPEN = 44
RATE = 2_500
TIMEOUT_SECONDS = 30
# What the others may wait longer, and what of the flood may be left in the gateway's memory.
MILLISECONDS_MAX = 25
BYTES_MAX = 5_000_000


def once(host, port, pool) -> float:
    """Milliseconds from the connect to the 101."""
    head = (
        f"GET /pool/{pool}/echo HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nx-berth-tenant: quiet\r\n\r\n"
    )
    began = time.monotonic()
    with socket.create_connection((host, port), timeout=TIMEOUT_SECONDS) as sock:
        sock.sendall(head.encode())
        try:
            answer = sock.recv(4096)
        except TimeoutError:
            return TIMEOUT_SECONDS * 1_000
        took = time.monotonic() - began
    if not answer.startswith(b"HTTP/1.1 101 "):
        raise SystemExit(f"bench: refused during the flood: {answer[:300]!r}")
    return took * 1_000


def waits(host, port, pool, seconds) -> list[float]:
    until = time.monotonic() + seconds
    found = []
    while time.monotonic() < until:
        found.append(once(host, port, pool))
        time.sleep(0.005)
    return found


def calls(url) -> int:
    """Scripts that Redis ran since it started."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(url.removeprefix("unix://"))
        sock.sendall(b"INFO commandstats\r\n")
        text = sock.recv(1 << 20).decode()
    lines = [line for line in text.splitlines() if line.startswith("cmdstat_evalsha:")]
    return int(lines[0].partition("calls=")[2].partition(",")[0]) if lines else 0


def calm(url, timeout=30.0) -> float:
    """Seconds until Redis runs no more scripts than a fleet at rest makes it."""
    began = time.monotonic()
    while time.monotonic() < began + timeout:
        before = calls(url)
        time.sleep(0.2)
        if calls(url) - before < 20:
            break
    return time.monotonic() - began - 0.2


def measure(bench: Bench, *, seconds) -> dict:
    worker = bench.worker_without_sidecars("flood", slots=8)
    more = ["--tenant", "noisy:cap=1", "--tenant", "quiet:cap=4"]
    child, address = bench.berth("flood", "gateway", *more, fleet="flood")
    host, _, port = address.rpartition(":")
    worker.wait_for("registered")
    once(host, int(port), bench.pool)
    alone = waits(host, int(port), bench.pool, seconds)

    def flood(length):
        argv = [sys.executable, "-I", "-S", FLOODER, port, str(length), str(OPEN)]
        argv += ["--head", "noisy", f"/pool/{bench.pool}/echo", "--rate", str(RATE)]
        return [bench.start(f"flooder-{length}-{n}", argv) for n in range(PROCESSES)]

    # The first one fills what the allocator keeps for later.
    for one in flood(1):
        one.line()
    calm(bench.redis())
    before = memory(child.pid)
    flooders = flood(seconds)
    beside = waits(host, int(port), bench.pool, seconds)
    made = sum(json.loads(one.line())["connections"] for one in flooders)
    during = memory(child.pid)
    quiet = calm(bench.redis())
    after = memory(child.pid)
    child.end()
    worker.end()
    return {
        "seconds": seconds, "open": PROCESSES * OPEN, "made": made, "alone": alone, "beside": beside,
        "rss_before": before["rss"], "rss_during": during["rss"], "rss_after": after["rss"], "calm_seconds": quiet,
    }


def p99(took) -> float:
    return sorted(took)[len(took) * 99 // 100]


def faults(found) -> list[str]:
    """Which bounds were not kept."""
    words = []
    if p99(found["beside"]) > p99(found["alone"]) + MILLISECONDS_MAX:
        words.append(f"another tenant's clients wait more than {MILLISECONDS_MAX} ms longer during the flood")
    if found["rss_after"] > found["rss_before"] + BYTES_MAX:
        words.append(f"the gateway kept more than {BYTES_MAX / 1e6:.0f} MB of the flood")
    return words
