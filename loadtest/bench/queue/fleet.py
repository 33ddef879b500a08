"""A fleet in one Redis, called as gateways and workers call it: only Redis and the scripts are under load."""

import queue
import random
import re
import threading

from dispatch import Redis

SEGMENTS = "abcdefg"
POOL = ":".join(SEGMENTS) + "|||raw"
BATCH = 500
# For more waiters there are more gateways. A choice of this benchmark's, no limit of Berth's.
GATEWAY_WAITERS = 50_000
DAY_MS = 86_400_000


def selector(number: int) -> str:
    """One of 128 that fit the pool: each bit of the number makes a segment of its label a wildcard."""
    return ":".join("*" if number >> i & 1 else name for i, name in enumerate(SEGMENTS)) + "|||raw"


def encoded(*words) -> bytes:
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def info(redis, section) -> dict[str, str]:
    return dict(line.split(":", 1) for line in redis("INFO", section).decode().splitlines() if ":" in line)


def command_times(redis) -> tuple[int, int]:
    """Of all scripts so far, by Redis' count: their microseconds, and the commands inside."""
    took, commands = 0, 0
    for name, words in info(redis, "commandstats").items():
        calls, microseconds_taken = re.match(r"calls=(\d+),usec=(\d+)", words).groups()
        if name in ("cmdstat_eval", "cmdstat_evalsha"):
            took += int(microseconds_taken)
        elif name not in ("cmdstat_info", "cmdstat_script|load", "cmdstat_slowlog|get"):
            commands += int(calls)
    return took, commands


def microseconds(redis) -> int:
    return command_times(redis)[0]


class Ear:
    """Listens on a gateway's wake channel. `heard` gets the grants; nothing else is said here."""

    def __init__(self, path, channel, gateway, heard: queue.SimpleQueue):
        self.redis, self.gateway, self.heard = Redis(path), gateway, heard
        self.redis("SUBSCRIBE", channel)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        try:
            while True:
                *_, payload = self.redis.read()
                if payload.count(b" ") >= 6:
                    self.heard.put(Grant(payload, self.gateway))
        except OSError:
            pass

    def close(self):
        self.redis.socket.shutdown(2)
        self.redis.close()


class Grant:
    def __init__(self, payload: bytes, gateway):
        self.lease, self.worker, self.slot, self.epoch, self.number = payload.decode().split()[:5]
        self.waiter = self.lease.partition(".")[0]
        self.letter = f"{self.lease} {self.worker}/{self.slot}"
        self.gateway = gateway


class Fleet:
    """A gateway for each 50,000 who wait; `gateway` makes the calls, the newest one. One worker with one slot of the
    pool; `join` adds workers.

    Who waits is spread over tenants and selectors. Where `capped`, the cap of those tenants is 0: they wait behind it,
    and the tenant `served` alone is granted slots. Else all are, in their order.
    """

    def __init__(self, path, shas, *, tenants, selectors, capped, name="bench"):
        self.redis, self.shas = Redis(path), shas
        self.prefix = f"berth:{{{name}}}:"
        self.state = self.prefix + "state"
        self.tenants, self.selectors, self.capped = tenants, selectors, capped
        self.random = random.Random(1)
        self.waiting = 0
        self.renewals = 0
        self.ears: list[Ear] = []
        self.heard: queue.SimpleQueue = queue.SimpleQueue()
        # Gateway → how many of its waiters are in each slice of their ids.
        self.slices: dict[str, list[int]] = {}
        self.workers: list[str] = []
        self.path = path
        self.open_gateway()
        limits = f"{0 if capped else 1_000_000},1000000,{DAY_MS},0,1,0"
        served = f"1000000,1000000,{DAY_MS},0,1,0"
        self("settings", self.gateway, "gateway", "declare", 0, 1, "tenant:*", limits, "tenant:served", served)
        self.join(workers=1, slots=1)

    def open_gateway(self):
        self.gateway = f"g{len(self.slices)}.1"
        self.slices[self.gateway] = [0] * 64
        self.ears.append(Ear(self.path, f"{self.prefix}wake:{self.gateway}", self.gateway, self.heard))
        self("register", self.gateway, "gateway")

    def join(self, *, workers, slots):
        rows = [f"{slot} free 0 0 - -" for slot in range(slots)]
        for _ in range(workers):
            worker = f"w{len(self.workers)}.1"
            self.workers.append(worker)
            address = f"127.0.0.1:{len(self.workers)}"
            self("register", worker, "worker", address, slots, "lenient", 0, 0, 0, 0, "bench", *[POOL] * slots, *rows)
            self("probed", self.gateway, worker, 1)

    def close(self):
        for ear in self.ears:
            ear.close()
        self.redis.close()

    # A call is the bytes of it; `ask` sends some at once and reads the replies.

    def call(self, verb, caller, *arguments) -> bytes:
        return encoded("EVALSHA", self.shas[verb], 1, self.state, caller, 1, 0, 0, 0, *arguments)

    def ask(self, calls) -> list:
        self.redis.socket.sendall(b"".join(calls))
        return [self.redis.read() for _ in calls]

    def all(self, calls, status=b"ok") -> list:
        return [expect(reply, status) for reply in self.ask(calls)]

    def one(self, call, status=b"ok"):
        return self.all([call], status)[0]

    def __call__(self, verb, caller, *arguments):
        return self.one(self.call(verb, caller, *arguments))

    def new_waiter(self) -> str:
        return f"{self.random.getrandbits(128):032x}"

    def enqueue(self, waiter, tenant, wanted=POOL) -> bytes:
        self.slices[self.gateway][int(waiter[:2], 16) >> 2] += 1
        return self.call("enqueue", self.gateway, waiter, tenant, wanted, 0, "", 1, "", 0)

    def next_enqueue(self) -> bytes:
        """Of one who will be served; where all are, the tenants take turns."""
        if self.capped:
            return self.enqueue(self.new_waiter(), "served")
        return self.crowd_enqueue(self.new_waiter())

    def crowd_enqueue(self, waiter) -> bytes:
        # Neighbours differ in both, and a tenant has one selector.
        tenant = self.waiting % self.tenants
        self.waiting += 1
        return self.enqueue(waiter, f"t{tenant}", selector(tenant % self.selectors))

    def cancel(self, waiter) -> bytes:
        self.slices[self.gateway][int(waiter[:2], 16) >> 2] -= 1
        return self.call("cancel", self.gateway, waiter, "", 0)

    def accept(self, grant) -> bytes:
        self.slices[grant.gateway][int(grant.waiter[:2], 16) >> 2] -= 1
        return self.call("accept", grant.worker, grant.lease, grant.slot, grant.epoch, grant.number)

    def release(self, grant, *, fit=False) -> bytes:
        """`fit`: the slot is ready for its next client in the same call."""
        words = (grant.lease, grant.slot, grant.epoch, grant.number, *([1] if fit else []))
        return self.call("release", grant.worker, *words)

    def ready(self, grant) -> bytes:
        return self.call("ready", grant.worker, grant.slot, grant.epoch, grant.number)

    def collect(self, *acknowledged) -> bytes:
        return self.call("collect", self.gateway, *acknowledged)

    def grants_of(self, collected) -> list[Grant]:
        return [Grant(payload, self.gateway) for payload in collected[1]]

    def take(self, count) -> list[Grant]:
        """So many slots that are free now, taken and proved."""
        replies = self.ask([self.enqueue(self.new_waiter(), "served") for _ in range(count)])
        return self.proved([Grant(expect(reply, b"granted")[1], self.gateway) for reply in replies])

    def proved(self, grants) -> list[Grant]:
        self.all([self.accept(grant) for grant in grants], b"accepted")
        self.one(self.collect(*(grant.letter for grant in grants)))
        return grants

    def renew(self):
        for gateway in self.slices:
            self.renew_gateway(gateway)
        for worker in self.workers:
            self.renew_worker(worker)

    def renew_gateway(self, gateway):
        # As gateways do: the counts agree, and one slice in rotation is listed in any case.
        self.renewals += 1
        counts, place = ",".join(map(str, self.slices[gateway])), f"{self.renewals % 64 * 4:02x}"
        self("roll", gateway, counts, place)

    def renew_worker(self, worker):
        self.renewals += 1
        self("renew", worker, self.renewals)

    def fill(self, count):
        """So many more wait. Each batch is sent before the last one's replies are read, so that Redis never idles."""
        while count:
            if sum(self.slices[self.gateway]) >= GATEWAY_WAITERS:
                self.open_gateway()
            on_their_way = 0
            for _ in range(20):
                some = min(count, BATCH)
                calls = [self.crowd_enqueue(self.new_waiter()) for _ in range(some)]
                if calls:
                    self.redis.socket.sendall(b"".join(calls))
                for _ in range(on_their_way):
                    expect(self.redis.read(), b"queued")
                count, on_their_way = count - some, some
            for _ in range(on_their_way):
                expect(self.redis.read(), b"queued")
            self.renew()


def expect(reply, status):
    if reply[0] != status:
        raise SystemExit(f"bench: {status.decode()} expected, got {reply}")
    return reply[5:]
