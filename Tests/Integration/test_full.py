"""Redis at its memory limit, a gateway at its descriptor limit: words for the new, service for the others."""

import asyncio

from support import checkers, client
from support.fleet import Fleet, eventually


async def test_a_full_redis_refuses_the_new_and_goes_on_with_the_others(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        await fleet.worker({"AppA:x": 1})
        holder = await fleet.client("holder").open()
        assert (await holder.answer()).status == 101 and await holder.echo()
        waiting = [await fleet.client(f"waiting{n}").open() for n in range(3)]
        for one in waiting:
            await fleet.queued(one.saw.name)

        await fleet.redis.command("CONFIG", "SET", "maxmemory", "1")
        late = await client.session(fleet.client("late"), answer_timeout=5)
        assert late.status == 503 and late.code == "store_unavailable" and "memory" in late.message, late
        assert await holder.echo()
        await holder.finish()
        for one in waiting:
            assert (await one.answer(5)).status == 101 and await one.echo()
            await one.finish()
        # Longer than a process' TTL is not needed: renewals of the last seconds went through, or slots were gone.
        assert checkers.safe(fleet.ledger(), {}) == []
        assert await fleet.audit() == []

        await fleet.redis.command("CONFIG", "SET", "maxmemory", "0")
        assert (await client.session(fleet.client("after"), answer_timeout=5)).served
        assert await fleet.audit() == []


async def test_beyond_the_descriptor_limit_clients_are_told_and_grants_still_dialled(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway(open_files=160)
        await fleet.worker({"AppA:x": 2})
        await fleet.grantable(2)
        # 64 are kept for the process itself and a quarter for dialling and last words: 56 clients may stay.
        clients = [fleet.client(f"c{n}") for n in range(56 + 20)]
        for one in clients:
            await one.open()

        told = []

        async def life(one):
            if (await one.answer(60)).status != 101:
                told.append(one)
                return
            # The last ones may still be in the kernel's queue: whoever ends before would make room for them.
            await eventually(lambda: len(told) >= 20, 60, "those beyond the limit were told")
            await one.echo()
            await one.finish()

        await asyncio.gather(*(life(one) for one in clients))
        refused = [one.saw for one in clients if not one.saw.served]
        assert checkers.told_in_words([one.saw for one in clients]) == []
        assert {saw.code for saw in refused} == {"gateway_full"} and {saw.status for saw in refused} == {503}
        assert len(refused) >= 20, len(refused)
        assert gateway.alive and (await client.session(fleet.client("after"))).served
        assert await fleet.audit() == []
