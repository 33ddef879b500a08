"""A fleet whose Redis is found by three sentinels: a failover under clients, and words where no primary is found."""

import asyncio

from support import client, clock
from support.fleet import Fleet, eventually
from support.sentinels import Sentinels

FAILOVER_SECONDS_MAX = 25


async def test_a_failover_under_clients(folder):
    async with Fleet(folder) as fleet:
        sentinels = fleet.keep(await Sentinels(folder).start())
        await eventually(sentinels.known, 30, "the sentinels know each other and the replica")
        own, fleet.redis = fleet.redis, sentinels.primary
        fleet.keep(own)
        gateway = await fleet.gateway(redis=sentinels.url())
        await fleet.worker({"AppA:x": 3}, redis=sentinels.url())
        await fleet.grantable(3)

        held = fleet.client("held")
        await held.open()
        assert (await held.answer()).status == 101 and await held.echo()
        served = [await client.session(fleet.client(f"before-{n}"), hold=0) for n in range(4)]
        assert all(saw.served for saw in served)

        began = clock.now()
        await sentinels.primary.kill()
        replica = sentinels.replica.port

        async def promoted():
            return await sentinels.primary_port() == replica

        await eventually(promoted, FAILOVER_SECONDS_MAX, "the replica is the primary")
        elected = clock.now() - began
        fleet.redis = sentinels.replica

        async def again():
            saw = await client.session(client.make("probe", gateway.port), hold=0, answer_timeout=20)
            return saw.served

        await eventually(again, FAILOVER_SECONDS_MAX, "clients are served again", every=0.2)
        print(f"promoted after {elected:.1f} s, served after {clock.now() - began:.1f} s")
        # The session in progress has noticed nothing.
        assert await held.echo()
        await held.finish()
        await fleet.all_usable(3, within=20)
        await fleet.nothing_held(within=20)
        assert await fleet.audit() == []


async def test_clients_that_wait_are_served_after_a_failover(folder):
    async with Fleet(folder) as fleet:
        sentinels = fleet.keep(await Sentinels(folder).start())
        await eventually(sentinels.known, 30, "the sentinels know each other and the replica")
        own, fleet.redis = fleet.redis, sentinels.primary
        fleet.keep(own)
        await fleet.gateway(redis=sentinels.url())
        await fleet.worker({"AppA:x": 1}, redis=sentinels.url())
        await fleet.grantable(1)
        holder = fleet.client("holder")
        await holder.open()
        assert (await holder.answer()).status == 101
        waiters = [fleet.client(f"waiter-{n}") for n in range(3)]
        for number, one in enumerate(waiters):
            await one.open()
            await fleet.queued(f"waiter-{number}")

        await sentinels.primary.kill()
        fleet.redis = sentinels.replica
        answers = [asyncio.create_task(one.answer(timeout=60)) for one in waiters]

        async def promoted():
            return await sentinels.primary_port() == sentinels.replica.port

        await eventually(promoted, FAILOVER_SECONDS_MAX, "the replica is the primary")
        await holder.finish()
        for one, answer in zip(waiters, answers, strict=True):
            saw = await answer
            assert saw.status == 101, (saw.status, saw.body, saw.error)
            assert await one.echo()
            await one.finish()
        await fleet.nothing_held(within=20)


async def test_a_name_that_no_sentinel_knows_is_explained(folder):
    async with Fleet(folder) as fleet:
        sentinels = fleet.keep(await Sentinels(folder).start())
        await eventually(sentinels.known, 30, "the sentinels are up")
        process = await fleet.tool("status", "--redis", sentinels.url("other"), "--fleet", "test")
        assert process.code != 0
        assert "no sentinel of" in process.output and "knows a primary named other" in process.output
        for one in sentinels.processes[:2]:
            await one.kill()
        # One that lives is enough.
        assert (await fleet.tool("status", "--redis", sentinels.url(), "--fleet", "test")).code == 0
        await sentinels.processes[2].kill()
        process = await fleet.tool("status", "--redis", sentinels.url(), "--fleet", "test")
        assert process.code != 0 and "no sentinel names the primary" in process.output, process.output
