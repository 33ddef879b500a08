"""The part with real Chromium: how long a waiting client waits for its 101 after another client's Close, on one slot.

Three ways: a seat of a shared browser, a browser of its own with a spare that is up, and one that starts only then. Each
client opens a page before it leaves, by the few words of Playwright's protocol that this needs. Nothing is pinned.
"""

import glob
import json
import os
import socket
import struct
import time

from handoff import p
from processes import HERE, Bench, Child

ROOT = os.path.dirname(os.path.dirname(HERE))
DRIVERS = ".venv/lib/python3*/site-packages/playwright/driver"
LABEL = "bench:chromium"
# The name, the worker's flags, rounds for each round asked for, the aim for the median in milliseconds.
WAYS = (
    ("shared", ["--mode", "shared", "--sessions", "2", "--max-sessions", "1000000"], 5, 10),
    ("spare", ["--warm", "1"], 1, 60),
    ("cold", ["--warm", "0"], 1, None),
)
# A client's stay after its page is open, in which the next client queues.
HELD_SECONDS = 0.25
TIMEOUT_SECONDS = 60
# The load average above which the figures are the machine's rather than Berth's: one process wants a core already.
QUIET_LOAD_MAX = 1.5


class Client:
    """A client whose head is sent: it waits."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=TIMEOUT_SECONDS)
        self.socket.sendall((
            f"GET /pool/{LABEL}/ HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
        self.input = self.socket.makefile("rb")
        self.calls = 0
        self.guids = {}

    def served(self):
        """Returns at the end of the 101's first line."""
        line = self.input.readline()
        if not line.startswith(b"HTTP/1.1 101 "):
            raise SystemExit(f"bench: a client was refused: {line!r} {self.input.read(500)!r}")

    def opens_a_page(self):
        while self.input.readline() != b"\r\n":
            pass
        self.call("", "initialize", sdkLanguage="python")
        context = self.call(self.guids["Browser"], "newContext")["context"]["guid"]
        self.call(context, "newPage")

    def call(self, guid, method, **params) -> dict:
        self.calls += 1
        message = {"id": self.calls, "guid": guid, "method": method, "params": params, "metadata": {}}
        self.send(1, json.dumps(message).encode())
        while True:
            answer = json.loads(self.message())
            if answer.get("method") == "__create__":
                self.guids[answer["params"]["type"]] = answer["params"]["guid"]
            if answer.get("id") == self.calls:
                if "error" in answer:
                    raise SystemExit(f"bench: {method}: {answer['error']}")
                return answer["result"]

    def message(self) -> bytes:
        while True:
            first, second = self.input.read(2)
            size = second & 127
            if size > 125:
                size = int.from_bytes(self.input.read(2 if size == 126 else 8), "big")
            payload = self.input.read(size)
            if first == 0x81:
                return payload

    def send(self, opcode, payload):
        """A frame whose mask is 0."""
        size = len(payload)
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size) if size > 125 else bytes([0x80 | opcode, 0x80 | size])
        self.socket.sendall(head + bytes(4) + payload)

    def close(self):
        self.send(8, struct.pack("!H", 1000))


def driver() -> str:
    found = glob.glob(os.path.join(ROOT, DRIVERS))
    if not found:
        raise SystemExit("bench: no Playwright in .venv; run scripts/setup run python, or leave this part out (--browsers 0)")
    return found[0]


def ready(worker: Child, count):
    """Awaits that so many sidecars have come up since the worker's start."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while sum(line.get("event") == "sidecar" and line["state"] == "ready" for line in worker.events()) < count:
        if time.monotonic() > end:
            raise worker.failed(f"not {count} sidecars in {TIMEOUT_SECONDS} s")
        time.sleep(0.02)


def hand_offs(bench: Bench, name, flags, rounds) -> list[float]:
    """Milliseconds, one for each round."""
    every = {bench.load_core, bench.proxy_core}
    kind = ["--kind", "playwright", "--playwright-driver", driver(), "--pool", f"{LABEL}=1"]
    worker, _ = bench.berth(f"worker-{name}", "worker", *kind, *flags, fleet=name, core=every)
    gateway, address = bench.berth(f"gateway-{name}", "gateway", fleet=name, core=every)
    up = 2 if name == "spare" else 1
    ready(worker, up)
    took = []
    holder = Client(address)
    holder.served()
    for number in range(rounds):
        holder.opens_a_page()
        waiter = Client(address)
        time.sleep(HELD_SECONDS)
        if name == "spare":
            ready(worker, up + number)
        began = time.monotonic()
        holder.close()
        waiter.served()
        took.append((time.monotonic() - began) * 1_000)
        holder.socket.close()
        holder = waiter
    holder.socket.close()
    worker.end()
    gateway.end()
    return took


def measure(bench: Bench, *, rounds) -> dict:
    before = os.getloadavg()[0]
    runs = {name: hand_offs(bench, name, flags, rounds * times) for name, flags, times, _ in WAYS}
    return {"load": [before, os.getloadavg()[0]], "runs": runs}


def faults(found) -> list[str]:
    words = []
    for name, _, _, most in WAYS:
        median = p(found["runs"][name], 50)
        if most and median > most:
            words.append(f"real Chromium, {name}: the hand-off takes {median:.1f} ms, {most} are the most")
    if words and found["load"][0] > QUIET_LOAD_MAX:
        words.append(f"the load average was {found['load'][0]:.1f} before: measure again on a quiet machine")
    return words
