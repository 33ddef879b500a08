"""The dispatch part: Redis' own time for a `ready` that dispatches, by how many wait behind tenants at their cap."""

import hashlib
import re
import socket
import statistics
import subprocess
import time

from processes import Bench

SIZES = (100, 100_000)
# The project's own bound: what waits behind a cap costs a dispatch nothing.
RATIO_MAX = 2.0

POOL = "x:y|||raw"
# Those who wait are spread over tenants, and over selectors that all fit the one pool.
SELECTORS = (POOL, "x:*|||raw", "|||raw")
TENANTS = 50
CONNECTION = ("1", "0", "0", "0")


class Redis:
    """A blocking RESP2 connection on a unix socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def send(self, *words):
        words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))

    def read(self):
        line = self.file.readline()
        if not line:
            raise ConnectionError("bench: redis hung up")
        kind, rest = line[:1], line[1:-2]
        if kind in (b"+", b"-"):
            if kind == b"-":
                raise SystemExit(f"bench: redis says {rest.decode()}")
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        return [self.read() for _ in range(int(rest))]

    def __call__(self, *words):
        self.send(*words)
        return self.read()

    def close(self):
        self.file.close()
        self.socket.close()


def scripts(bench: Bench) -> dict[str, bytes]:
    """Each script as Berth gives it to Redis."""
    printed = subprocess.run([bench.binary("loadtest"), "scripts"], stdout=subprocess.PIPE, check=True).stdout
    found = {}
    while printed:
        name, size = printed.split(b"\n", 1)[0].split()
        start = printed.index(b"\n") + 1
        found[name.decode()] = printed[start : start + int(size)]
        printed = printed[start + int(size) :]
    return found


def sha(source: bytes) -> bytes:
    """What Redis calls the script."""
    return hashlib.sha1(source).hexdigest().encode()


class Fleet:
    """One gateway, one worker with one slot, one tenant that is served, and `size` waiters that may not be."""

    def __init__(self, redis: Redis, ear: Redis, shas, name, size):
        self.redis, self.shas, self.state = redis, shas, f"berth:{{{name}}}:state"
        self.gateway, self.worker = f"g.{size:x}", f"w.{size:x}"
        self.waiters = 0
        # A wake-up that nobody hears suspends the gateway.
        ear("SUBSCRIBE", f"berth:{{{name}}}:wake:{self.gateway}")
        self.run("register", self.gateway, "gateway")
        self.run(
            "register", self.worker, "worker", "127.0.0.1:1", 1, "lenient", 0, 0, 0, 0, "bench", POOL, "0 free 0 0 - -")
        self.run("probed", self.gateway, self.worker, 1)
        self.run(
            "settings", self.gateway, "gateway", "declare", 0, 1, "tenant:*", "0,1000000,1000,0,1,0",
            "tenant:served", "1,1000000,1000,0,1,0"
        )
        left = size
        while left:
            some = min(left, 500)
            for _ in range(some):
                self.send_enqueue(f"t{self.waiters % TENANTS}", SELECTORS[self.waiters % len(SELECTORS)])
            for _ in range(some):
                self.expect(self.redis.read(), "queued")
            left -= some
        self.held = self.enqueue_served("granted")

    def send(self, verb, caller, *arguments):
        self.redis.send("EVALSHA", self.shas[verb], 1, self.state, caller, *CONNECTION, *arguments)

    def expect(self, reply, status):
        if reply[0].decode() != status:
            raise SystemExit(f"bench: {status} expected, got {reply}")
        return reply[5:]

    def run(self, verb, caller, *arguments, status="ok"):
        self.send(verb, caller, *arguments)
        return self.expect(self.redis.read(), status)

    def send_enqueue(self, tenant, selector):
        self.waiters += 1
        self.send("enqueue", self.gateway, f"{self.waiters:032x}", tenant, selector, 0, "", 1, "", 0)

    def enqueue_served(self, status):
        """The grant's words, where it is granted."""
        self.send_enqueue("served", POOL)
        return self.expect(self.redis.read(), status)[1:]

    def ready(self) -> int:
        """Serves the tenant's next by a `ready`; the microseconds Redis was in it."""
        self.enqueue_served("queued")
        lease, worker, slot, epoch, number = self.held[0].decode().split()[:5]
        self.run("accept", self.worker, lease, slot, epoch, number, status="accepted")
        self.run("release", self.worker, lease, slot, epoch, number)
        before = self.microseconds()
        self.run("ready", self.worker, slot, epoch, number)
        took = self.microseconds() - before
        _, grants, *_ = self.run("collect", self.gateway, f"{lease} {worker}/{slot}")
        if len(grants) != 1:
            raise SystemExit(f"bench: ready dispatched {len(grants)} instead of one")
        self.held = grants
        return took

    def microseconds(self) -> int:
        stats = self.redis("INFO", "commandstats").decode()
        return int(re.search(r"cmdstat_evalsha:.*?usec=(\d+)", stats)[1])


def measure(bench: Bench, *, rounds) -> dict:
    path = bench.redis().removeprefix("unix://")
    redis, ear = Redis(path), Redis(path)
    shas = {verb: redis("SCRIPT", "LOAD", source) for verb, source in scripts(bench).items()}
    began = time.monotonic()
    fleets = {size: Fleet(redis, ear, shas, f"dispatch-{size}", size) for size in SIZES}
    filled = time.monotonic() - began
    runs = {size: [] for size in SIZES}
    for number in range(rounds + 20):
        for size in SIZES if number % 2 else reversed(SIZES):
            took = fleets[size].ready()
            # The first ones find cold caches.
            if number >= 20:
                runs[size].append(took)
    redis.close()
    ear.close()
    return {"rounds": rounds, "fill_seconds": round(filled, 1), "runs": {str(size): took for size, took in runs.items()}}


def ratio(found) -> float:
    few, many = (statistics.median(found["runs"][str(size)]) for size in SIZES)
    return many / few


def faults(found) -> list[str]:
    if ratio(found) <= RATIO_MAX:
        return []
    return [f"a dispatch at {SIZES[1]} waiters takes more than {RATIO_MAX} times as long as at {SIZES[0]}"]
