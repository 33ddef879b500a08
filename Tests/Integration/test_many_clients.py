"""200 clients of 10 tenants, 8 slots in three pools, three gateways: everybody once, in order, under the caps."""

import asyncio
import random

from support import checkers, client, schema
from support.fleet import Fleet, eventually
from support.redis_server import Monitor
from support.replay import Replay

CAPS = {f"t{n}": 1 + n % 5 for n in range(10)}
PATHS = ["/pool/AppA:x", "/pool/AppB:x", "/pool/AppC:y", "/pool/AppC", "/pool/*", "/pool/*:x", "/pool/*"]


async def test_everybody_is_served_once_in_order_and_under_the_caps(folder):
    rng = random.Random(20260101)
    async with Fleet(folder, tenants={name: {"cap": cap} for name, cap in CAPS.items()}) as fleet:
        monitor = await Monitor(fleet.redis.path).start()
        await asyncio.gather(*(fleet.gateway(f"g{n}") for n in range(3)))
        pools = [{"AppA:x": 2}, {"AppA:x": 1, "AppB:x": 1}, {"AppB:x": 2}, {"AppC:y": 2}]
        await asyncio.gather(*(fleet.worker(pool, f"w{n}") for n, pool in enumerate(pools)))
        await fleet.grantable(8)

        clients = [
            fleet.client(f"c{n}", rng.choice(fleet.gateways), tenant=f"t{n % 10}", path=rng.choice(PATHS))
            for n in range(200)
        ]
        audits, served = [], asyncio.Event()

        async def audit_throughout():
            while not served.is_set():
                audits.append(await fleet.audit())

        auditing = asyncio.create_task(audit_throughout())
        await asyncio.gather(*(client.session(one, hold=rng.uniform(0.0, 0.1)) for one in clients))
        served.set()
        await auditing

        # The last worker's log line may come a moment after its client's end.
        ledger = fleet.ledger
        await eventually(lambda: not checkers.served_once(ledger(), expected=200), 5, "every session logged its end")
        assert checkers.all_of(ledger(), CAPS, expected=200) == []
        await monitor.stop()
        replay = Replay("test").run(monitor.entries)
        assert replay.findings == [] and replay.sanity(200) == []
        assert len(audits) >= 3 and [findings for findings in audits if findings] == []

        async def empty():
            return not checkers.schema_only(await fleet.redis.keys(), schema.LIVING)

        try:
            await eventually(empty, 20, "tenants and selectors leave no key")
        finally:
            left = checkers.schema_only(await fleet.redis.keys(), schema.LIVING)
        assert left == []
        assert await fleet.audit() == []
        codes = await asyncio.gather(*(node.terminate() for node in fleet.nodes))
        assert set(codes) == {0}
        assert checkers.schema_only(await fleet.redis.keys(), schema.SCHEMA) == []
