"""Replays a MONITOR recording into a small store of its own and judges every commit of the queue by it.

The scripts' reads are not trusted: which waiters stood in line, which tenants were at their caps, which slots were
free is told by the writes alone, in the order in which Redis executed them.
"""

from collections import defaultdict

from . import packed
from .matching import fits

WRITES = {
    "SET", "MSET", "DEL", "UNLINK", "HSET", "HSETNX", "HDEL", "SADD", "SREM", "SPOP", "ZADD", "ZREM",
    "FLUSHALL",
}  # fmt: skip
# Reads and others that change nothing; a command in neither set stops the replay rather than being overlooked.
READS = {
    "TIME", "GET", "MGET", "EXISTS", "HGET", "HMGET", "HGETALL", "HEXISTS", "HKEYS", "HLEN", "HSCAN", "SCARD", "SISMEMBER",
    "SCAN", "SMEMBERS", "SMISMEMBER", "SRANDMEMBER", "SSCAN", "ZCARD", "ZLEXCOUNT", "ZRANGE", "ZRANGEBYLEX", "ZRANGEBYSCORE", "ZRANK",
    "ZCOUNT", "ZMSCORE", "ZSCAN", "ZSCORE", "PUBLISH", "TYPE",
}  # fmt: skip
DEFAULT_CAP = 1_000_000


class Store(dict):
    """Keys and their values, as far as the queue's scripts write them: str, dict (hash, sorted set), set."""

    def apply(self, words: list[str]):
        name, arguments = words[0].upper(), words[1:]
        if name in READS:
            return
        if name not in WRITES:
            raise ValueError(f"the replay does not know {name}")
        if name == "FLUSHALL":
            return self.clear()
        if name in ("DEL", "UNLINK"):
            for key in arguments:
                self.pop(key, None)
            return
        key, rest = arguments[0], arguments[1:]
        if name in ("SET", "MSET"):
            self.update(zip(arguments[::2], arguments[1::2]))
        elif name in ("HSET", "HSETNX"):
            hash = self.setdefault(key, {})
            for field, value in zip(rest[::2], rest[1::2]):
                if name == "HSET" or field not in hash:
                    hash[field] = value
        elif name == "ZADD":
            set_of = self.setdefault(key, {})
            only_new = rest[0] == "NX"
            scores = rest[1:] if only_new else rest
            if not is_number(scores[0]):
                raise ValueError(f"the replay does not know ZADD {rest[0]}")
            for score, member in zip(scores[::2], scores[1::2]):
                if not only_new or member not in set_of:
                    set_of[member] = float(score)
        elif name == "SADD":
            self.setdefault(key, set()).update(rest)
        else:
            value = self.get(key)
            if value is None:
                return
            if name == "SPOP":
                # Which one MONITOR does not tell; how many are left is all that is asked of such a set.
                value.pop()
            for member in rest if name != "SPOP" else ():
                value.pop(member, None) if isinstance(value, dict) else value.discard(member)
            if not value:
                del self[key]


def is_number(text: str) -> bool:
    try:
        float(text)
        return True
    except ValueError:
        return False


class Replay:
    """`findings` in words; `grants` is the order of grants: (time, lease, tenant, pool, worker, slot)."""

    def __init__(self, fleet: str):
        self.prefix = f"berth:{{{fleet}}}:"
        self.store = Store()
        self.findings: list[str] = []
        self.grants: list[tuple] = []
        self.commits = 0
        self.rows: dict[str, str] = {}

    def run(self, entries) -> "Replay":
        """`entries` of a `Monitor`. Commands inside a script (source `lua`) belong to the last one outside."""
        script: list[tuple[float, list[str]]] = []
        for at, source, arguments in entries:
            words = [argument.decode("utf-8", "surrogateescape") for argument in arguments]
            if source == "lua":
                script.append((at, words))
                continue
            self._run(script)
            script = []
            if words[0].upper() in WRITES:
                self._apply(at, words)
        self._run(script)
        return self

    def _run(self, script):
        """One call. The rows that it changes are written by its last command, and say what its other commands are for."""
        if not script:
            return
        self.rows = {}
        for _, words in script:
            if words[0].upper() == "MSET":
                self.rows.update(zip(words[1::2], words[2::2]))
        for at, words in script:
            self._apply(at, words)
        self._committed(script[-1][0])

    def _apply(self, at, words):
        self.store.apply(words)
        key = words[1] if len(words) > 1 else ""
        if words[0].upper() == "SADD" and key.startswith(self.prefix + "tenant:") and key.endswith(":held"):
            for place in words[2:]:
                self._held(at, key[len(self.prefix + "tenant:") : -len(":held")], place)

    def _get(self, *names):
        return self.store.get(self.prefix + ":".join(names), {})

    def cap(self, tenant: str) -> int:
        settings = self._get("settings")
        for name in (tenant, "*"):
            declared, _, ordered, _ = settings.get(f"tenant:{name}", "- 0 - 0").split()
            words = declared if ordered == "-" else ordered
            if words != "-":
                return int(words.split(",")[0])
        return DEFAULT_CAP

    def _below_cap(self, tenant: str, besides=0) -> bool:
        return len(self._get("tenant", tenant, "held")) - besides < self.cap(tenant)

    def _queues(self):
        """(selector, tenant, waiters with scores) of every queue."""
        start = self.prefix + "queue:"
        for key, members in self.store.items():
            if key.startswith(start):
                selector, _, tenant = key[len(start) :].rpartition(":")
                yield selector, tenant, members

    def _held(self, at, tenant, place):
        worker, _, slot = place.rpartition("/")
        lease = packed.row("slot", self.rows.get(f"{self.prefix}slot:{worker}/{slot}", ""))
        if not lease or lease["state"] != "granted":
            return
        id, pool, waiter = lease["lease"], lease["pool"], lease["lease"].split(".")[0]
        self.grants.append((at, id, tenant, pool, worker, int(slot)))
        if not self._below_cap(tenant, besides=1):
            self.findings.append(f"{id} was granted to {tenant}, which held its cap of {self.cap(tenant)}")
        score = None
        for _, of, members in self._queues():
            if waiter in members:
                score = members[waiter]
        if score is None:
            self.findings.append(f"{id} was granted to a waiter that stood in no queue")
            return
        for selector, of, members in self._queues():
            head = min(members.values())
            if head < score and fits(selector, pool) and self._below_cap(of, besides=(of == tenant)):
                self.findings.append(f"{id} ({tenant}, {score:.0f}) was granted {pool} before {of} ({head:.0f})")

    def _committed(self, at):
        self.commits += 1
        state = packed.row("state", self._get("state"))
        if state.get("holdOff") or self._get("todo"):
            return
        free = [
            key[len(self.prefix + "pool:") : -len(":free")]
            for key in self.store
            if key.startswith(self.prefix + "pool:") and key.endswith(":free")
        ]
        for pool in free:
            for selector, tenant, members in self._queues():
                if members and fits(selector, pool) and self._below_cap(tenant):
                    self.findings.append(f"commit {self.commits}: {pool} is free while {tenant} waits for {selector}")

    def sanity(self, grants_min: int) -> list[str]:
        """The recording holds what it must hold: a replay that saw nothing finds nothing."""
        if len(self.grants) < grants_min:
            return [f"only {len(self.grants)} grants in {self.commits} commits recorded, not {grants_min}"]
        return []


def count_by(grants, field: int) -> dict:
    counts = defaultdict(int)
    for grant in grants:
        counts[grant[field]] += 1
    return dict(counts)
