"""One client floods a gateway; the clients of others are served meanwhile, and nothing of the flood is left behind.

How long others wait meanwhile is measured by `make bench`; here only what holds on any machine is asserted.
"""

import asyncio
import os
import sys

from support import client
from support.fleet import Fleet, eventually
from support.process import Process

SECONDS = 1
FLOODER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support", "flooder.py")


async def flood(fleet, gateway, *more, processes, most):
    argv = [sys.executable, "-I", "-S", FLOODER, str(gateway.port), str(SECONDS), str(most), *more]
    return [fleet.keep(await Process.start(f"flood-{n}", argv, fleet.folder)) for n in range(processes)]


async def ended(flooders) -> int:
    """Awaits the end of the flood; how many connections it made."""
    for one in flooders:
        assert await one.exit(SECONDS + 30) == 0, one.output
    return sum(one.lines[-1].get("connections") for one in flooders)


async def serve_until_over(fleet, flooders, **options) -> list:
    """Sessions one after the other while the flood goes on; at least one."""
    saws = []
    while not saws or any(one.alive for one in flooders):
        one = fleet.client(f"quiet{len(saws)}", **options)
        saws.append(await client.session(one, hold=0.01, answer_timeout=20))
    return saws


async def script_calls(fleet) -> int:
    text = (await fleet.redis.command("INFO", "commandstats")).decode()
    calls = [line for line in text.splitlines() if line.startswith("cmdstat_evalsha:")]
    return int(calls[0].partition("calls=")[2].partition(",")[0]) if calls else 0


async def test_clients_that_reset_leave_no_work_behind(folder):
    tenants = {"noisy": {"cap": 1}, "quiet": {"cap": 1}}
    async with Fleet(folder, tenants=tenants) as fleet:
        gateway = await fleet.gateway()
        # A pool each: the slot of a client that reset in its dial has its sidecar replaced, which takes its time.
        await fleet.worker({"AppA:x": 1, "AppB:y": 2})
        await fleet.grantable(3)
        flooders = await flood(fleet, gateway, "--head", "noisy", "/pool/AppA:x", processes=2, most=44)
        saws = await serve_until_over(fleet, flooders, tenant="quiet", path="/pool/AppB:y")
        made = await ended(flooders)
        assert made > 100, made
        assert all(saw.served for saw in saws), [saw for saw in saws if not saw.served]

        # Calls of the flood would go on for seconds: Redis does some 5,000 a second.
        async def is_calm():
            before = await script_calls(fleet)
            await asyncio.sleep(0.3)
            return await script_calls(fleet) - before < 30

        await eventually(is_calm, 3, "no more calls than a fleet at rest makes")
        await fleet.nothing_held(within=5)
        assert (await client.session(fleet.client("after", tenant="noisy", path="/pool/*"))).served
        assert await fleet.audit() == []


async def test_connections_that_send_nothing_take_no_tenants_place(folder):
    async with Fleet(folder) as fleet:
        # 1,024 open files leave room for 704 clients, 176 of them without a head.
        gateway = await fleet.gateway(open_files=1_024)
        await fleet.worker({"AppA:x": 2})
        await fleet.grantable(2)
        flooders = await flood(fleet, gateway, processes=2, most=900)
        saws = await serve_until_over(fleet, flooders)
        assert await ended(flooders) > 300
        assert all(saw.served for saw in saws), [saw for saw in saws if not saw.served]
        assert not gateway.events("refusal")
        assert len(gateway.events("heads_dropped")) <= SECONDS + 30
        assert await fleet.audit() == []
