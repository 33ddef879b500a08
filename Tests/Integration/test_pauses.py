"""Processes that stand still and wake up again (SIGSTOP, SIGCONT), shorter and longer than their TTL of 10 s."""

import asyncio
import signal

import pytest
from support import checkers, clock
from support.fleet import Fleet, eventually

ACCEPT_DEADLINE = 5.0
TTL = 10.0


async def served(one, timeout=40.0):
    if (await one.answer(timeout)).status == 101 and await one.echo():
        await one.finish()
    return one.saw


async def holders(fleet, gateway, count):
    held = [await fleet.client(f"holder{n}", gateway).open() for n in range(count)]
    for one in held:
        assert (await one.answer()).status == 101 and await one.echo()
    return held


@pytest.mark.parametrize("seconds", [4.0, TTL + 3])
async def test_a_paused_gateway_costs_one_accept_deadline_and_its_waiters_keep_their_place(folder, seconds):
    """Its subscription stands, so that nothing but the deadline tells that it sleeps."""
    async with Fleet(folder) as fleet:
        sleeper, other = await fleet.gateway("sleeper"), await fleet.gateway("other")
        await fleet.worker({"AppA:x": 2})
        await fleet.grantable(2)
        held = await holders(fleet, other, 2)
        early = [await fleet.client(f"early{n}", sleeper).open() for n in range(6)]
        for n in range(6):
            await fleet.queued(f"early{n}")
        late = [await fleet.client(f"late{n}", other).open() for n in range(6)]
        for n in range(6):
            await fleet.queued(f"late{n}")

        sleeper.signal(signal.SIGSTOP)
        slept = clock.now()
        for one in held:
            await one.finish()
        await asyncio.gather(*(served(one) for one in late))
        took = clock.now() - slept
        assert [one.saw for one in late if not one.saw.served] == []
        assert took < ACCEPT_DEADLINE + 3, f"the others' clients took {took:.1f} s"

        async def over():
            return clock.now() - slept >= seconds

        await eventually(over, seconds + 1, "the sleep is over")
        sleeper.signal(signal.SIGCONT)
        await asyncio.gather(*(served(one) for one in early))
        assert [one.saw for one in early if not one.saw.served] == []
        assert checkers.safe(fleet.ledger(), {}) == []
        assert await fleet.audit() == []


async def test_a_worker_paused_beyond_its_ttl_goes_on_with_its_session(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        worker = await fleet.worker({"AppA:x": 2})
        await fleet.grantable(2)
        (held,) = await holders(fleet, fleet.gateways[0], 1)
        worker.signal(signal.SIGSTOP)

        async def gone():
            return not (await fleet.status())["workers"]

        await eventually(gone, TTL + 4, "Redis has ended the worker")
        worker.signal(signal.SIGCONT)

        async def back():
            states = [slot["state"] for one in (await fleet.status())["workers"] or [] for slot in one["slots"]]
            return sorted(states) == ["free", "leased"]

        await eventually(back, 5, "the worker has declared what it holds")
        assert await held.echo(), "the session never noticed"
        await held.finish()
        await fleet.all_usable(2, within=5)
        assert checkers.safe(fleet.ledger(), {}) == []
        assert await fleet.audit() == []


async def test_a_redis_that_is_gone_for_30_seconds_comes_back_with_its_data(folder):
    """Three times every TTL. Sessions go on, tenants hold what they held, waiters keep their places; nothing else may."""
    caps = {"a": 2, "b": 1}
    async with Fleet(folder, tenants={name: {"cap": cap} for name, cap in caps.items()}, persist=True) as fleet:
        await asyncio.gather(fleet.gateway("g1"), fleet.gateway("g2"))
        await fleet.worker({"AppA:x": 4})
        await fleet.grantable(4)
        held = [await fleet.client(f"holder{n}", tenant="aab"[n]).open() for n in range(3)]
        for one in held:
            assert (await one.answer()).status == 101 and await one.echo()
        # One slot is free, and every tenant at its cap.
        waiting = [await fleet.client(f"c{n}", fleet.gateways[n % 2], tenant="ab"[n % 2]).open() for n in range(6)]
        for n in range(6):
            await fleet.queued(f"c{n}")
        await fleet.redis.kill()
        gone = clock.now()

        async def over():
            return clock.now() - gone >= 3 * TTL

        await eventually(over, 3 * TTL + 1, "the outage is over")
        for one in held:
            assert await one.echo(), "relays go on without Redis"
        await fleet.redis.start()

        async def back():
            status = await fleet.status()
            return len(status["gateways"] or []) == 2 and status["waiting"] == 6 and status["workers"]

        await eventually(back, 5, "everybody stands where they stood")
        # A slot is free all the time: whoever is granted it now goes over a cap.
        await eventually(lambda: clock.now() - gone >= 3 * TTL + 6, 8, "the grace period has begun to end")
        assert [one.saw for one in waiting if one.saw.status is not None] == [], "no cap opens"
        for one in held:
            assert await one.echo()
            await one.finish()
        await asyncio.gather(*(served(one) for one in waiting))
        assert [one.saw for one in [*held, *waiting] if not one.saw.served] == []
        ids = {line.get("gateway") for line in fleet.lines("registered") if line.get("gateway")}
        assert len(ids) == 2, "no gateway was ended"
        assert checkers.safe(fleet.ledger(), caps) == []
        assert checkers.first_in_first_out(fleet.ledger(), caps) == []
        assert await fleet.audit() == []


async def test_a_redis_paused_for_12_seconds_ends_nothing(folder):
    """Longer than every TTL: on its return a grace period keeps everybody's place, slot and session."""
    async with Fleet(folder) as fleet:
        await asyncio.gather(fleet.gateway("g1"), fleet.gateway("g2"))
        await fleet.worker({"AppA:x": 1})
        await fleet.grantable(1)
        (held,) = await holders(fleet, fleet.gateways[0], 1)
        waiting = [await fleet.client(f"c{n}", fleet.gateways[n % 2]).open() for n in range(6)]
        for n in range(6):
            await fleet.queued(f"c{n}")
        fleet.redis.process.signal(signal.SIGSTOP)
        paused = clock.now()

        async def over():
            return clock.now() - paused >= TTL + 2

        await eventually(over, TTL + 3, "the pause is over")
        assert await held.echo(), "relays go on without Redis"
        refused = await (await fleet.client("new").open()).answer(5)
        assert refused.status == 503 and refused.code == "store_unavailable"
        fleet.redis.process.signal(signal.SIGCONT)
        await held.finish()
        await asyncio.gather(*(served(one) for one in waiting))
        assert [one.saw for one in waiting if not one.saw.served] == []
        ids = {line.get("gateway") for line in fleet.lines("registered") if line.get("gateway")}
        assert len(ids) == 2, "no gateway was ended"
        assert checkers.first_in_first_out(fleet.ledger(), {}) == []
        assert checkers.safe(fleet.ledger(), {}) == []
        assert await fleet.audit() == []


async def test_without_redis_only_the_sessions_of_a_strict_worker_end_and_no_place_is_given_twice(folder):
    async with Fleet(folder, tenants={"default": {"cap": 2}}) as fleet:
        await fleet.gateway()
        strict = await fleet.worker({"Strict:x": 1}, more=["--caps", "strict"])
        await fleet.worker({"Lenient:x": 1})
        await fleet.grantable(2)
        bound = await fleet.client("bound", path="/pool/Strict:x").open()
        free = await fleet.client("free", path="/pool/Lenient:x").open()
        for one in (bound, free):
            assert (await one.answer()).status == 101 and await one.echo()
        fleet.redis.process.signal(signal.SIGSTOP)
        paused = clock.now()
        end = await strict.wait_for("end", timeout=TTL + 3)
        assert end.get("reason") == "strict_caps"
        assert TTL - 2.5 < clock.now() - paused < TTL + 1, "10 s after the last renew that was answered"
        assert await free.echo(), "a lenient worker goes on"
        fleet.redis.process.signal(signal.SIGCONT)
        await free.finish()
        await fleet.grantable(2)
        assert await fleet.audit() == []
