"""Clients that leave: while they wait, between the grant and the dial, during the dial."""

import pytest
from support import checkers, client
from support.fleet import Fleet, eventually
from support.redis_proxy import RedisProxy


async def one_holds(fleet, gateway=None):
    """A client that holds a slot."""
    holder = await fleet.client("holder", gateway).open()
    assert (await holder.answer()).status == 101 and await holder.echo()
    return holder


def sessions(fleet) -> list[str]:
    """Names of the clients that workers served, in that order."""
    ledger = fleet.ledger()
    names = {wait.waiter: wait.run for wait in ledger.waits}
    return [names.get(s.waiter, s.waiter) for s in sorted(ledger.services, key=lambda s: s.began)]


async def pending(fleet, grants: int):
    """Awaits that Redis has so many grants that no worker has accepted and nobody gave back."""

    async def is_so():
        return (await fleet.redis.command("ZCARD", "berth:{test}:due")) == grants

    await eventually(is_so, 3, f"{grants} grants pending", every=0.01)


async def leaves_during_the_dial(fleet, path, how, meanwhile=lambda: None):
    """A client that leaves while its dial is held on the way; its gateway has logged the end."""
    await fleet.grantable(1)
    path.mode = "hold"
    tries = len(path.tries)
    leaver = await fleet.client("leaver").open()
    await eventually(lambda: len(path.tries) > tries, 5, "the dial")
    meanwhile()
    leaver.leave(how)
    waiter = (await fleet.wait_for("accept", run="leaver")).get("waiter")
    await fleet.gateways[0].wait_for("end", waiter=waiter, timeout=3)


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_who_leaves_while_waiting_never_gets_a_slot(folder, how):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        await fleet.worker({"AppA:x": 1})
        holder = await one_holds(fleet)
        leaver = await fleet.client("leaver").open()
        await fleet.queued("leaver")
        behind = await fleet.client("behind").open()
        await fleet.queued("behind")
        leaver.leave(how)
        waiter = (await fleet.wait_for("accept", run="leaver")).get("waiter")
        await fleet.gateways[0].wait_for("end", waiter=waiter, timeout=2)
        await holder.finish()
        assert (await behind.answer(5)).status == 101 and await behind.echo()
        await behind.finish()
        assert sessions(fleet) == ["holder", "behind"]
        assert await fleet.audit() == []


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_who_leaves_between_grant_and_dial_gives_the_slot_back_at_once(folder, how):
    async with Fleet(folder) as fleet:
        slow = fleet.keep(await RedisProxy(folder, fleet.redis.path).start())
        far = await fleet.gateway(redis=slow.url)
        near = await fleet.gateway()
        _, path = await fleet.behind_proxy({"AppA:x": 1})
        holder = await one_holds(fleet, near)
        leaver = await fleet.client("leaver", far).open()
        await fleet.queued("leaver")
        behind = await fleet.client("behind", near).open()
        await fleet.queued("behind")
        tries = len(path.tries)

        # The far gateway hears nothing of the grant that the holder's end brings, and its client leaves meanwhile.
        slow.stall()
        ended = near.mark()
        await holder.finish()
        await near.wait_for("end", after=ended)

        await pending(fleet, 1)
        leaver.leave(how)
        slow.resume()

        assert (await behind.answer(3)).status == 101 and await behind.echo()
        await behind.finish()
        assert sessions(fleet) == ["holder", "behind"]
        # One dial, for the client behind: nobody dialled for the one that had left.
        assert len(path.tries) == tries + 1
        assert await fleet.audit() == []


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_who_leaves_during_the_dial_gives_the_slot_back_through_the_worker(folder, how):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        _, path = await fleet.behind_proxy({"AppA:x": 1})
        await leaves_during_the_dial(fleet, path, how)
        # The log tells what the gateway decided; the verdict is on its way to Redis. Only from there on is it first.
        await pending(fleet, 0)
        path.release()
        saw = await client.session(fleet.client("next"), answer_timeout=5)
        assert saw.served, saw
        assert sessions(fleet) == ["next"]
        assert checkers.safe(fleet.ledger(), {}) == []
        assert await fleet.audit() == []


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_a_worker_that_accepts_before_the_verdict_ends_the_session_of_who_left(folder, how):
    async with Fleet(folder) as fleet:
        slow = fleet.keep(await RedisProxy(folder, fleet.redis.path).start())
        await fleet.gateway(redis=slow.url)
        worker, path = await fleet.behind_proxy({"AppA:x": 1})
        await leaves_during_the_dial(fleet, path, how, meanwhile=slow.stall)
        path.release()
        await worker.wait_for("session")
        slow.resume()
        saw = await client.session(fleet.client("next"), answer_timeout=5)
        assert saw.served, saw
        assert sessions(fleet) == ["leaver", "next"]
        assert checkers.safe(fleet.ledger(), {}) == []
        assert await fleet.audit() == []
