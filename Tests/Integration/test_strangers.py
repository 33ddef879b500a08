"""What reaches a worker's port and is no gateway of its: floods, another secret."""

import asyncio
import os
import sys

from support import checkers, client
from support.fleet import Fleet, eventually
from support.process import Process

FLOODER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support", "flooder.py")
SECONDS, OPEN, RATE = 2, 3_000, 10_000


async def test_a_flood_of_connections_takes_no_place_of_a_gateway(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        worker = await fleet.worker({"AppA:x": 4})
        await fleet.grantable(4)
        argv = [sys.executable, "-I", "-S", FLOODER, str(worker.port), str(SECONDS), str(OPEN)]
        argv += ["--source", "127.0.0.2", "--rate", str(RATE)]
        flood = fleet.keep(await Process.start("flood", argv, folder))
        served = 0
        while flood.alive:
            clients = [fleet.client(f"c{served + n}") for n in range(4)]
            await asyncio.gather(*(client.session(one, hold=0.0, answer_timeout=20) for one in clients))
            assert [one.saw for one in clients if not one.saw.served] == []
            served += len(clients)
        done = await flood.wait_for("flooded")
        print(f"{done.get('connections')} connections in {SECONDS} s, {served} clients served")
        assert served > 0 and done.get("connections") > 0
        assert fleet.lines("dial_failed") == []
        assert checkers.safe(fleet.ledger(), {}) == []


async def test_another_secret_is_named_on_both_sides(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        # A file of the worker's own, because a gateway reads its own file again when it changes.
        fleet.secret += "-of-the-worker"
        with open(fleet.secret, "w", encoding="ascii") as file:
            file.write("fedcba9876543210fedcba9876543210\n")
        worker = await fleet.worker({"AppA:x": 1})
        stranger = await worker.wait_for("stranger")
        assert "NODE_SECRET differs" in stranger.get("msg") and stranger.get("peer").startswith("127.0.0.1:")
        probe = await gateway.wait_for("probe", passed=False)
        assert "NODE_SECRET differs" in probe.get("msg")
        # Once: both ask and answer again and again.
        await eventually(lambda: len(fleet.lines("stranger")) == 1, 1, "one line")


async def test_a_name_that_cannot_be_looked_up_is_not_the_workers_fault(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker({"AppA:x": 1}, advertise="worker.invalid:3131")
        await gateway.wait_for(None, msg=lambda words: "worker.invalid" in str(words), timeout=15)
        assert (await fleet.status())["workers"][0]["state"] == "probing"
