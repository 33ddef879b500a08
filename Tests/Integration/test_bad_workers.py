"""Workers that fail and gateways that reach none: one is tried once per probe interval, nobody else pays for it."""

import asyncio
import os
import random
import signal
import sys

import pytest
from support import checkers, client, clock
from support.fleet import Fleet, eventually
from support.load import Load
from support.path_proxy import PathProxy
from support.redis_proxy import RedisProxy

ACCEPT_DEADLINE = 5.0
ODD = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support", "odd_sidecar.py")
ODD_COMMAND = f"{sys.executable} -I -S {ODD}"


async def holders(fleet, gateway, count):
    out = []
    for n in range(count):
        one = await fleet.client(f"holder{n}", gateway).open()
        assert (await one.answer()).status == 101 and await one.echo()
        out.append(one)
    return out


async def test_a_dead_gateway_with_1000_waiters_costs_one_accept_deadline(folder):
    async with Fleet(folder) as fleet:
        doomed, other = await fleet.gateway("doomed"), await fleet.gateway("other")
        await fleet.worker({"AppA:x": 2})
        await fleet.grantable(2)
        held = await holders(fleet, other, 2)
        crowd = [fleet.client(f"dead{n}", doomed) for n in range(1000)]
        for one in crowd:
            await one.open()
        await eventually(lambda: len(doomed.events("accept")) == 1000, 30, "1,000 waiters")
        await fleet.queued("dead999")
        behind = [await fleet.client(f"c{n}", other).open() for n in range(20)]
        await fleet.queued("c19")

        await doomed.kill()
        began = clock.now()
        for one in held:
            await one.finish()

        async def life(one):
            if (await one.answer(30)).status == 101 and await one.echo():
                await one.finish()

        await asyncio.gather(*(life(one) for one in behind))
        took = clock.now() - began
        assert [one.saw for one in behind if not one.saw.served] == []
        assert took < ACCEPT_DEADLINE + 3, f"20 clients took {took:.1f} s"

        async def gone():
            return await fleet.redis.command("ZCARD", "berth:{test}:line") == 0

        await eventually(gone, 11 - took + 4, "the dead gateway's waiters are gone")
        assert checkers.safe(fleet.ledger(), {}) == []
        assert await fleet.audit() == []


@pytest.mark.parametrize("fault", ["silent", "reset", "gone"])
async def test_a_bad_worker_fails_nobody_and_is_tried_once_per_probe_interval(folder, fault):
    rng = random.Random(f"bad {fault}")
    async with Fleet(folder) as fleet:
        await asyncio.gather(fleet.gateway("g1"), fleet.gateway("g2"))
        await fleet.worker({"AppA:x": 2})
        _, path = await fleet.behind_proxy({"AppA:x": 2}, name="bad")
        await fleet.grantable(4)
        load = Load(fleet, rng, loops=8)
        await eventually(lambda: len(fleet.lines("session")) > 20, 15, "the load runs")

        began = clock.now()
        port = path.port
        if fault == "gone":
            path.gone()
        else:
            path.mode = fault
        seen = len(path.tries)
        await eventually(lambda: clock.now() - began > 8, 10, "eight seconds of it")
        tries = [at for at, _ in path.tries[seen:]]
        # Two slots may be granted before the first dial failed; then the other gateway's check, then 1, 2, 4 s.
        assert len(tries) <= 8, [f"{at - began:.1f}" for at in tries]
        late = [at for at in tries if at - began > 3]
        assert all(b - a > 0.9 for a, b in zip(late, late[1:])), [f"{at - began:.1f}" for at in tries]

        if fault == "gone":
            await path.start(port)
        path.release()
        healed = len(fleet.lines("session"))
        bad = next(w for w in fleet.workers if w.node_id == "bad")
        await bad.wait_for("session", after=bad.mark(), timeout=15)
        assert len(fleet.lines("session")) > healed
        saws = await load.stop()
        assert [f"{saw.name}: {saw.status} {saw.code} {saw.error}" for saw in saws if not saw.served] == []
        assert checkers.safe(fleet.ledger(), {}) == []
        assert await fleet.audit() == []


async def test_a_gateway_cut_off_from_all_workers_takes_none_from_the_others(folder):
    rng = random.Random("cut off")
    async with Fleet(folder) as fleet:
        # The cut gateway finds each worker at the address of a path of its own.
        redis = fleet.keep(await RedisProxy(folder, fleet.redis.path).start())
        paths = []
        for _ in range(3):
            worker = await fleet.worker({"AppA:x": 2})
            path = fleet.keep(await PathProxy().start())
            path.target = ("127.0.0.1", worker.port)
            redis.addresses[f"127.0.0.1:{worker.port}".encode()] = path.address.encode()
            paths.append(path)
        cut, other = await fleet.gateway("cut", redis=redis.url), await fleet.gateway("other")
        await fleet.grantable(6)
        load = Load(fleet, rng, loops=8, gateways=[other])
        cut_load = Load(fleet, rng, loops=4, name="cut", gateways=[cut])
        await eventually(lambda: len(fleet.lines("session")) > 20, 15, "the load runs")

        began = clock.now()
        assert all(path.tries for path in paths)
        for path in paths:
            path.mode = "reset"
        await eventually(lambda: clock.now() - began > 8, 10, "eight seconds of it")
        served = sorted(saw.answered for saw in load.saws if saw.served and saw.answered > began)
        gaps = [b - a for a, b in zip([began, *served], [*served, clock.now()])]
        assert max(gaps) < 3, f"the other gateway's clients waited {max(gaps):.1f} s"
        assert len(served) > 40, f"only {len(served)} of the other gateway's clients in 8 s"

        for path in paths:
            path.release()
        healed = clock.now()

        def serves_again():
            return any(saw.served and saw.answered > healed for saw in cut_load.saws)

        await eventually(serves_again, 15, "the cut gateway serves again")
        saws = await load.stop()
        assert [f"{saw.name}: {saw.status} {saw.code} {saw.error}" for saw in saws if not saw.served] == []
        assert checkers.told_in_words(await cut_load.stop()) == []
        assert checkers.safe(fleet.ledger(), {}) == []
        assert await fleet.audit() == []


async def test_a_head_that_makes_sidecars_answer_500_harms_nobody_else(folder):
    async with Fleet(folder) as fleet:
        await asyncio.gather(fleet.gateway("g1"), fleet.gateway("g2"))
        await fleet.worker({"AppA:x": 2}, command=ODD_COMMAND)
        await fleet.grantable(2)
        clients = [
            fleet.client(f"c{n}", fleet.gateways[n % 2], headers={"x-make-500": "1"} if n % 3 == 0 else {})
            for n in range(24)
        ]
        await asyncio.gather(*(client.session(one, hold=0.01, answer_timeout=30) for one in clients))
        for n, one in enumerate(clients):
            if n % 3 == 0:
                assert (one.saw.status, one.saw.body) == (500, "oops"), one.saw
            else:
                assert one.saw.served, one.saw
        assert fleet.lines("reject") == []
        await fleet.grantable(2)
        assert checkers.safe(fleet.ledger(), {}) == []
        assert await fleet.audit() == []


async def test_a_sidecar_that_stays_silent_is_given_up_and_its_client_told(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        worker = await fleet.worker({"AppA:x": 1}, command=ODD_COMMAND, more=["--first-byte", "300ms"])
        await fleet.grantable(1)
        silent = await fleet.client("silent", headers={"x-stay-silent": "1"}).open()
        await silent.answer(timeout=10)
        assert (silent.saw.status, silent.saw.code) == (502, "worker_failed"), silent.saw
        assert "sidecar" in silent.saw.message
        await worker.wait_for("end", reason="first_byte")
        # The slot is back with a new sidecar, and nobody blames the worker.
        after = fleet.client("after")
        await client.session(after, hold=0.01, answer_timeout=20)
        assert after.saw.served, after.saw
        assert fleet.lines("reject") == []
        assert checkers.safe(fleet.ledger(), {}) == []
        assert await fleet.audit() == []


async def test_the_only_worker_fails_once_and_the_waiter_keeps_its_place(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        worker = await fleet.worker({"AppA:x": 1}, command=ODD_COMMAND)
        await fleet.grantable(1)
        ready = await worker.wait_for("sidecar", state="ready")
        os.kill(ready.get("pid"), signal.SIGUSR1)
        await eventually(lambda: not listens(ready.get("pid")), 5, "the sidecar stopped listening")

        clients = []
        for n in range(3):
            clients.append(await fleet.client(f"c{n}").open())
            await fleet.queued(f"c{n}")

        async def life(one):
            if (await one.answer(15)).status == 101 and await one.echo():
                await one.finish()

        await asyncio.gather(*(life(one) for one in clients))
        assert [one.saw for one in clients if not one.saw.served] == []
        assert len(fleet.lines("reject")) >= 1
        order = sorted(clients, key=lambda one: one.saw.answered)
        assert [one.saw.name for one in order] == ["c0", "c1", "c2"]
        assert await fleet.audit() == []


def listens(pid: int) -> bool:
    """Whether the process has a listening TCP socket."""
    inodes = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            inodes.add(os.readlink(f"/proc/{pid}/fd/{name}"))
        except OSError:
            continue
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [row.split() for row in table.readlines()[1:]]
    return any(row[3] == "0A" and f"socket:[{row[9]}]" in inodes for row in rows)
