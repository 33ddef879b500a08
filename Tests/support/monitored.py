"""A fleet in which everything happens that alerts and the dashboard tell of, but for an outage of Redis."""

import asyncio
import hashlib
import os
import signal

from .api import API
from .fleet import Fleet, binary, eventually
from .marks import marked
from .redis_proxy import RedisProxy

TOKEN = "0123456789abcdef0123456789abcdef"
NAMES = ("acme", "starved", "other")
# As many sidecars that are killed are more than the alert on failures allows.
MANY = 8


class Monitored:
    """`start`, then let Prometheus read every process once, then `happen`."""

    TENANTS = {name: {"cap": 5, "keys": [hashlib.sha256(name.encode()).hexdigest()]} for name in NAMES}

    def __init__(self, fleet: Fleet):
        self.fleet = fleet
        self.token = os.path.join(fleet.folder, "token")

    async def start(self):
        with open(self.token, "w", encoding="ascii") as file:
            file.write(TOKEN)
        fleet, more = self.fleet, ["--admin-token-file", self.token]
        deaf = fleet.keep(await RedisProxy(fleet.folder, fleet.redis.path).start())
        deaf.drop_messages = True
        # Its sidecars are found by its name, so no other run of this test may have it.
        many = f"w-many-{os.getpid()}"
        # Quick at the first start, slow after the first session.
        slow = f"sh -c 'mkdir {fleet.folder}/started || sleep 25; exec {binary('loadtest')} echo'"
        self.first, self.deaf = await asyncio.gather(
            fleet.gateway("g1", more=more), fleet.gateway("g2", redis=deaf.url, more=more)
        )
        _, _, self.many, _, self.killed = await asyncio.gather(
            fleet.worker({"AppA:x": 2}, "w-a", more=more),
            fleet.worker({"AppB:x": 1}, "w-unreached", advertise="127.0.0.1:1", more=more),
            fleet.worker({"AppC:x": MANY}, many, more=more),
            fleet.worker({"AppD:x": 1}, "w-slow", command=slow, more=[*more, "--warm", "0"]),
            fleet.worker({"AppE:x": 1}, "w-killed", more=more),
        )
        await fleet.grantable(2 + MANY + 1 + 1, timeout=30)
        return self

    async def open(self, name: str, pool: str, *, tenant="acme", gateway=None, options=""):
        headers = {"Authorization": f"Bearer {tenant}"}
        path = f"/pool/{pool}/{options}"
        return await self.fleet.client(name, gateway or self.first, path=path, headers=headers).open()

    async def served(self, name: str, pool: str, **options):
        one = await self.open(name, pool, **options)
        answer = await one.answer()
        assert answer.status == 101 and await one.echo(), answer
        return one

    async def happen(self, seen):
        """`seen` awaits that Prometheus finds something for an expression."""
        await asyncio.gather(self._waits(), self._failures(seen), self._recycling(), self._lost_worker())
        # Redis and the workers agree on the sessions. For those of a borrower that comes not, there is none.
        leases, slots = 'berth_leases{state=~"accepted|kept"}', 'berth_worker_slots{state=~"leased|kept"}'
        await seen(f"sum(max by (pool, state) ({leases})) == sum({slots}) and sum({slots}) > 1")
        assert (await API(self.first.port, "acme").borrow(label="AppC:x")).status == 201

    async def _waits(self):
        """In the end one client waits for a slot in use, and another for a worker that no gateway reaches."""
        holders = [await self.served(f"holder-{n}", "AppA:x") for n in range(2)]
        refused = [await self.open(f"late-{n}", "AppA:x", options="?wait=1s") for n in range(2)]
        assert [(await one.answer()).code for one in refused] == ["wait_timeout"] * 2
        assert (await (await self.open("not-now", "AppA:x", options="?wait=0")).answer()).code == "would_wait"
        after = [await self.open("hears", "AppA:x", tenant="other")]
        await self.fleet.queued("hears")
        after.append(await self.open("deaf", "AppA:x", gateway=self.deaf))
        await self.fleet.queued("deaf")
        for holder, one in zip(holders, after, strict=True):
            await holder.finish()
            assert (await one.answer()).status == 101 and await one.echo()
        await self.open("waits", "AppA:x")
        await self.open("starves", "AppB:x", tenant="starved")

    async def _failures(self, seen):
        # The first failure makes the series, so Prometheus counts from the second on.
        before = set()
        for count in (MANY, 2 * MANY):

            def anew(before=before):
                return len(marked(self.many.node_id) - before) >= MANY

            await eventually(anew, 20, "all sidecars run")
            before = marked(self.many.node_id)
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            await seen(f"sum(berth_sidecar_failures_total) >= {count}")

    async def _recycling(self):
        await (await self.served("short", "AppD:x")).finish()

    async def _lost_worker(self):
        await self.killed.kill()
        await self.open("for-nobody", "AppE:x")
        await self.first.wait_for("reject", reason="unreachable")
