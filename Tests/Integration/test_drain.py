"""SIGTERM: no new clients, those held are served until the drain timeout, then told; exit 0."""

import asyncio
import signal

from support import client
from support.fleet import Fleet, eventually


async def holding(fleet, name, gateway=None):
    one = await fleet.client(name, gateway).open()
    assert (await one.answer()).status == 101 and await one.echo()
    return one


async def test_a_draining_gateway_serves_those_it_holds(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway(more=["--drain-timeout", "20s"])
        await fleet.worker({"AppA:x": 1})
        holder = await holding(fleet, "holder")
        waiting = await fleet.client("waiting").open()
        await fleet.queued("waiting")
        gateway.signal(signal.SIGTERM)
        await gateway.wait_for("draining", timeout=2)
        late = await client.session(fleet.client("late"), answer_timeout=3)
        refused = late.status == 503 and late.code == "shutting_down" and late.message
        assert refused or "Refused" in late.error, late
        assert await holder.echo()
        await holder.finish()
        assert (await waiting.answer(5)).status == 101 and await waiting.echo()
        assert gateway.alive
        await waiting.finish()
        assert await gateway.exit(5) == 0
        assert await fleet.audit() == []


async def test_at_the_drain_timeout_everybody_is_told(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway(more=["--drain-timeout", "1s"])
        await fleet.worker({"AppA:x": 1})
        holder = await holding(fleet, "holder")
        waiting = await fleet.client("waiting").open()
        await fleet.queued("waiting")
        gateway.signal(signal.SIGTERM)
        saw = await waiting.answer(5)
        assert (saw.status, saw.code) == (503, "shutting_down") and saw.message and "retry-after" in saw.headers
        assert (await holder.closed_by_peer(5)).startswith("closed: ")
        assert await gateway.exit(5) == 0


async def test_a_draining_worker_ends_no_session_and_takes_no_new_one(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        worker = await fleet.worker({"AppA:x": 2}, more=["--drain-timeout", "20s"])
        await fleet.grantable(2)
        holder = await holding(fleet, "holder")
        worker.signal(signal.SIGTERM)
        await worker.wait_for("draining", timeout=2)
        waiting = await fleet.client("waiting").open()
        await fleet.queued("waiting")
        assert await holder.echo()
        other = await fleet.worker({"AppA:x": 1})
        assert (await waiting.answer(5)).status == 101 and await waiting.echo()
        await other.wait_for("session", timeout=2)
        assert await holder.echo()
        await asyncio.gather(holder.finish(), waiting.finish())
        assert await worker.exit(5) == 0

        async def gone():
            return all(row.get("id", "").split(".")[0] != "w1" for row in (await fleet.status()).get("workers", []))

        await eventually(gone, 3, "the worker unregistered")
        assert gateway.alive and await fleet.audit() == []


async def drain(fleet, *arguments, redis=None):
    return await fleet.tool("drain", "--redis", redis or fleet.redis.url, "--fleet", "test", *arguments)


async def test_an_operator_drains_a_worker_through_redis(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        worker = await fleet.worker({"AppA:x": 2}, more=["--drain-timeout", "20s"])
        await fleet.grantable(2)
        holder = await holding(fleet, "holder")
        told = await drain(fleet, "w1")
        assert told.code == 0 and "w1." in told.output and "drains" in told.output, told.output
        await worker.wait_for("drain_ordered", timeout=2)
        waiting = await fleet.client("waiting").open()
        await fleet.queued("waiting")
        assert await holder.echo() and worker.alive
        late = await drain(fleet, "w1", "--wait", "--timeout", "300ms")
        assert late.code == 1 and "not gone after 300ms" in late.output, late.output
        await fleet.worker({"AppA:x": 1})
        assert (await waiting.answer(5)).status == 101
        await asyncio.gather(holder.finish(), waiting.finish())
        gone = await drain(fleet, "w1", "--wait")
        # The worker may have left before the order was given again.
        assert gone.code == 0 and "is gone" in gone.output or "There is no worker w1" in gone.output, gone.output
        assert await worker.exit(5) == 0 and await fleet.audit() == []


async def test_a_drain_of_nobody_says_who_is_there(folder):
    async with Fleet(folder) as fleet:
        worker = await fleet.worker({"AppA:x": 1})
        told = await drain(fleet, "w2")
        assert told.code == 1 and "no worker w2" in told.output and "There are: w1." in told.output, told.output
        assert worker.alive
        await fleet.redis.kill()
        away = await drain(fleet, "w1")
        assert away.code == 2 and "cannot be asked" in away.output, away.output


async def test_a_worker_that_redis_ended_before_it_heard_the_order_still_drains(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        worker = await fleet.worker({"AppA:x": 1})
        await fleet.grantable(1)
        worker.signal(signal.SIGSTOP)
        assert (await drain(fleet, "w1")).code == 0

        async def ended():
            return not (await fleet.status())["workers"]

        await eventually(ended, 20, "Redis ended the worker")
        worker.signal(signal.SIGCONT)
        await worker.wait_for("drain_ordered", timeout=10)
        assert await worker.exit(10) == 0


async def test_an_old_worker_drains_by_itself(folder):
    async with Fleet(folder) as fleet:
        worker = await fleet.worker({"AppA:x": 1}, more=["--max-age", "500ms"], wait=False)
        await worker.wait_for("aged", timeout=10)
        assert await worker.exit(10) == 0
