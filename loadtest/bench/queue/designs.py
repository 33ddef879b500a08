"""What a grant costs Redis with other designs of a queue with caps, all but one tenant at its cap.

Each is the shortest honest script of its design. A cap is a set of leases, as with Berth; one slot is freed and given
to the next of the one tenant that may have it, who came last.
"""

import statistics

from dispatch import Redis
from fleet import Fleet, encoded, microseconds

SIZES, QUICK_SIZES = (100, 1_000, 10_000, 100_000), (100, 1_000)
TENANTS = 50
# Those that look at every waiter take long at many.
GRANTS = {100: 100, 1_000: 100, 10_000: 30, 100_000: 5}

# A list of `<waiter> <tenant>`; who is below the cap is claimed by LREM.
LIST = """
local at = 0
while true do
    local some = redis.call('LRANGE', KEYS[1], at, at + 999)
    if #some == 0 then return false end
    for _, item in ipairs(some) do
        local tenant = string.match(item, ' (.*)$')
        if redis.call('SCARD', KEYS[2] .. tenant) < tonumber(redis.call('HGET', KEYS[3], tenant)) then
            redis.call('LREM', KEYS[1], 1, item)
            redis.call('SADD', KEYS[2] .. tenant, item)
            return item
        end
    end
    at = at + 1000
end
"""

# A sorted set of waiters with a record each; who is at the cap is passed over.
SCAN = """
local at = 0
while true do
    local some = redis.call('ZRANGE', KEYS[1], at, at + 999)
    if #some == 0 then return false end
    for _, waiter in ipairs(some) do
        local tenant = redis.call('HGET', KEYS[4] .. waiter, 'tenant')
        if redis.call('SCARD', KEYS[2] .. tenant) < tonumber(redis.call('HGET', KEYS[3], tenant)) then
            redis.call('ZREM', KEYS[1], waiter)
            redis.call('SADD', KEYS[2] .. tenant, waiter)
            return waiter
        end
    end
    at = at + 1000
end
"""

# No queue: each waiter asks for itself, every 100 ms.
POLL = """
local tenant = ARGV[2]
if redis.call('EXISTS', KEYS[1]) == 0
    or redis.call('SCARD', KEYS[2] .. tenant) >= tonumber(redis.call('HGET', KEYS[3], tenant)) then
    return false
end
redis.call('DEL', KEYS[1])
redis.call('SADD', KEYS[2] .. tenant, ARGV[1])
return ARGV[1]
"""
KEYS = ("{peer}:line", "{peer}:held:", "{peer}:caps", "{peer}:waiter:")


class Peer:
    def __init__(self, path, script, size):
        self.redis, self.size = Redis(path), size
        self.sha = self.redis("SCRIPT", "LOAD", script)
        self.number = 0
        for tenant in range(TENANTS):
            self.redis("HSET", KEYS[2], f"t{tenant}", 0)
        self.redis("HSET", KEYS[2], "served", 1)
        for first in range(0, size, 1000):
            self.add_all([f"t{number % TENANTS}" for number in range(first, min(first + 1000, size))])

    def add_all(self, tenants):
        calls = [call for tenant in tenants for call in self.added(tenant)]
        if calls:
            self.redis.socket.sendall(b"".join(calls))
            for _ in calls:
                self.redis.read()

    def call(self, *arguments) -> bytes:
        return encoded("EVALSHA", self.sha, 4, *KEYS, *arguments)

    def grant(self) -> int:
        """One is served; Redis' microseconds for it."""
        self.redis("DEL", KEYS[1] + "served")
        self.add_all(["served"])
        before = microseconds(self.redis)
        if not self.serve():
            raise SystemExit("bench: a peer granted nothing")
        return microseconds(self.redis) - before

    def serve(self):
        self.redis.socket.sendall(self.call())
        return self.redis.read()


class List(Peer):
    def added(self, tenant):
        self.number += 1
        return [encoded("RPUSH", KEYS[0], f"{self.number:032x} {tenant}")]


class Scan(Peer):
    def added(self, tenant):
        self.number += 1
        waiter = f"{self.number:032x}"
        return [encoded("ZADD", KEYS[0], self.number, waiter), encoded("HSET", KEYS[3] + waiter, "tenant", tenant)]


class Poll(Peer):
    """A slot is freed each 100 ms: between two grants each waiter asks once, the one that may come last."""

    def added(self, tenant):
        return []

    def serve(self):
        self.redis("SET", KEYS[0], "free")
        found = None
        for first in range(0, self.size + 1, 1000):
            asked = range(first, min(first + 1000, self.size + 1))
            calls = [
                self.call(f"{number:032x}", f"t{number % TENANTS}" if number < self.size else "served")
                for number in asked
            ]
            self.redis.socket.sendall(b"".join(calls))
            for _ in calls:
                found = self.redis.read() or found
        return found


def berth(path, shas, size, grants) -> list[int]:
    """`release` and `ready`, which grants."""
    fleet = Fleet(path, shas, tenants=TENANTS, selectors=3, capped=True)
    (held,) = fleet.take(1)
    fleet.fill(size)
    took = []
    for number in range(grants):
        fleet.one(fleet.next_enqueue(), b"queued")
        before = microseconds(fleet.redis)
        fleet.all([fleet.release(held), fleet.ready(held)])
        took.append(microseconds(fleet.redis) - before)
        (given,) = fleet.grants_of(fleet.one(fleet.collect(held.letter)))
        (held,) = fleet.proved([given])
        if number % 50 == 0:
            fleet.renew()
    fleet.close()
    return took


def measure(path_of, shas, *, quick, rounds=3) -> dict:
    """design → size → Redis' microseconds a grant, the median of each round; rounds take the designs by turns."""
    designs = {"list": (List, LIST), "scan": (Scan, SCAN), "polling": (Poll, POLL)}
    found: dict = {name: {} for name in ["berth", *designs]}
    for size in QUICK_SIZES if quick else SIZES:
        print(f"peers: {size} waiters", flush=True)
        for number in range(1 if quick else rounds):
            names = list(found) if number % 2 else list(reversed(found))
            for name in names:
                if name == "berth":
                    took = berth(path_of(), shas, size, GRANTS[size])
                else:
                    kind, script = designs[name]
                    peer = kind(path_of(), script, size)
                    took = [peer.grant() for _ in range(GRANTS[size])]
                    peer.redis.close()
                found[name].setdefault(str(size), []).append(statistics.median(took))
    return found
