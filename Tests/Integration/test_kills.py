"""kill -9 at seeded moments, 10 of each kind, 50 in `make test-long`: clients, gateways, workers, sidecars, Redis with its data and without.

Many moments share one running fleet under load. Whatever was killed, afterwards every slot is usable again within the
bounds of the promises, nothing is leaked or granted twice, and every client was served or told why in words.
"""

import asyncio
import os
import random
import signal

from support import checkers, clock
from support.fleet import Fleet, eventually
from support.load import Load

MOMENTS = int(os.environ.get("BERTH_MOMENTS") or ("50" if os.environ.get("BERTH_LONG") else "5"))
SEED = os.environ.get("BERTH_SEED", "1")

# L6: after the last fault heals, and after data loss. L3: after a holder vanished.
HEALED_SECONDS = 15.0
HEALED_AFTER_LOSS_SECONDS = 30.0
RECYCLED_SECONDS = 6.0

CAPS = {"a": 2, "b": 3}
TENANTS = {name: {"cap": cap} for name, cap in CAPS.items()}


def seeded(name: str) -> random.Random:
    print(f"seed: BERTH_SEED={SEED} ({name})")
    return random.Random(f"{SEED} {name}")


async def moment(rng, most: float):
    """Lets a random span of the fleet's life pass: the moment of the fault, not a synchronisation."""
    await asyncio.sleep(rng.uniform(0, most))


async def all_well(fleet, load, slots, *, within, resets=False, caps=CAPS):
    """After the last fault: slots usable, everybody ended, nothing leaked, the ledger sound, the audit clean."""
    healed = clock.now()
    saws = await load.stop(timeout=within + 30) if load else []
    assert checkers.told_in_words(saws, resets=resets) == []
    await fleet.all_usable(slots, within=max(1.0, within - (clock.now() - healed)))

    await fleet.nothing_held(within=max(2.0, within - (clock.now() - healed)))
    assert checkers.safe(fleet.ledger(), caps) == []
    assert await fleet.audit() == []


async def test_waiting_clients_are_killed(folder):
    rng = seeded("waiting")
    async with Fleet(folder, tenants=TENANTS) as fleet:
        await asyncio.gather(fleet.gateway("g1"), fleet.gateway("g2"), fleet.worker({"AppA:x": 2}))
        await fleet.grantable(2)
        load = Load(fleet, rng, loops=6, tenants=("a", "b"), hold=0.03)

        async def one(n):
            victim = await fleet.victim(f"v{n}", rng.choice(fleet.gateways), tenant=rng.choice("ab"))
            await victim.wait_for(where=lambda line: line.text == "sent")
            await moment(rng, 0.05)
            await victim.kill()

        for first in range(0, MOMENTS, 5):
            await asyncio.gather(*(one(n) for n in range(first, min(first + 5, MOMENTS))))
        await all_well(fleet, load, 2, within=RECYCLED_SECONDS)
        assert [saw.name for saw in load.saws if not saw.served] == []


async def test_connected_clients_are_killed(folder):
    rng = seeded("connected")
    async with Fleet(folder, tenants=TENANTS) as fleet:
        await asyncio.gather(fleet.gateway("g1"), fleet.gateway("g2"), fleet.worker({"AppA:x": 4}))
        await fleet.grantable(4)
        load = Load(fleet, rng, loops=4, tenants=("a", "b"), hold=0.03)

        async def one(n):
            victim = await fleet.victim(f"v{n}", rng.choice(fleet.gateways), tenant=rng.choice("ab"))
            line = await victim.wait_for(where=lambda line: line.text != "sent", timeout=20)
            assert line.text == "101"
            await moment(rng, 0.05)
            await victim.kill()

        for first in range(0, MOMENTS, 5):
            await asyncio.gather(*(one(n) for n in range(first, min(first + 5, MOMENTS))))
        await all_well(fleet, load, 4, within=RECYCLED_SECONDS)
        assert [saw.name for saw in load.saws if not saw.served] == []


async def test_gateways_are_killed(folder):
    rng = seeded("gateway")
    async with Fleet(folder, tenants=TENANTS) as fleet:
        await asyncio.gather(*(fleet.gateway(f"g{n}") for n in range(3)))
        await asyncio.gather(*(fleet.worker({"AppA:x": 2}, f"w{n}") for n in range(2)))
        await fleet.grantable(4)
        load = Load(fleet, rng, loops=12, tenants=("a", "b"), hold=0.04)
        for _ in range(MOMENTS):
            await moment(rng, 0.8)
            await fleet.restart(rng.choice(fleet.gateways), same_port=rng.random() < 0.5)
        await all_well(fleet, load, 4, within=HEALED_SECONDS, resets=True)
        assert len([saw for saw in load.saws if saw.served]) > MOMENTS


async def test_workers_are_killed(folder):
    rng = seeded("worker")
    async with Fleet(folder, tenants=TENANTS) as fleet:
        await asyncio.gather(fleet.gateway("g1"), fleet.gateway("g2"))
        await asyncio.gather(*(fleet.worker({"AppA:x": 2}, f"w{n}") for n in range(3)))
        await fleet.grantable(6)
        load = Load(fleet, rng, loops=10, tenants=("a", "b"), hold=0.04)
        for _ in range(MOMENTS):
            await moment(rng, 0.8)
            await fleet.restart(rng.choice(fleet.workers), same_port=rng.random() < 0.5)
        await all_well(fleet, load, 6, within=HEALED_SECONDS)
        assert len([saw for saw in load.saws if saw.served]) > MOMENTS


async def test_sidecars_are_killed(folder):
    """A slot whose sidecar fails five times in 60 s is out: at most four a slot, over sixteen slots."""
    rng = seeded("sidecar")
    async with Fleet(folder, tenants=TENANTS) as fleet:
        await asyncio.gather(fleet.gateway("g1"), fleet.gateway("g2"))
        await asyncio.gather(*(fleet.worker({"AppA:x": 8}, f"w{n}") for n in range(2)))
        await fleet.grantable(16)
        load = Load(fleet, rng, loops=10, tenants=("a", "b"), hold=0.04)
        places = [(worker, number) for worker in fleet.workers for number in range(8)] * 4
        for worker, number in rng.sample(places, min(MOMENTS, len(places))):
            await moment(rng, 0.2)
            pids = [line.get("pid") for line in worker.events("sidecar", sidecar=number) if line.get("pid")]
            try:
                os.kill(pids[-1], signal.SIGKILL)
            except ProcessLookupError:
                pass
        await all_well(fleet, load, 16, within=HEALED_SECONDS)
        assert len([saw for saw in load.saws if saw.served]) > MOMENTS


WITH_DATA, EMPTY, WITHOUT_TAIL = "with its data", "empty", "without its tail"
# About what Redis writes in the second that `appendfsync everysec` may lose, at this load.
TAIL_BYTES_MAX = 40_000


async def restart_redis(fleet, rng, how):
    if how == WITHOUT_TAIL:
        # Few bytes as often as many: one commit of one process is the loss that is hardest to see.
        lost = await fleet.redis.restart_without_tail(lambda _: int(TAIL_BYTES_MAX ** rng.random()))
        print(f"{lost} bytes lost")
    else:
        await fleet.redis.restart(empty=how == EMPTY)


async def small_fleet(folder, name, rng, moments, *, how: str, within: float):
    """One worker with two slots, one gateway, a light load; Redis is killed `moments` times, healed from each time."""
    inner = os.path.join(folder, name)
    os.makedirs(inner)
    async with Fleet(inner, tenants=TENANTS, persist=how != EMPTY) as fleet:
        await asyncio.gather(fleet.gateway(), fleet.worker({"AppA:x": 2}))
        await fleet.grantable(2)
        load = Load(fleet, rng, loops=3, tenants=("a", "b"), hold=0.1, name=f"{name}-")
        for _ in range(moments):
            await moment(rng, 0.6)
            await restart_redis(fleet, rng, how)
            back = clock.now()
            # The next fault comes when the load runs again, or a moment before.
            if rng.random() < 0.7:
                await eventually(
                    lambda: any(saw.served and (saw.answered or 0) > back for saw in load.saws), within, f"{name} heals"
                )
            else:
                await moment(rng, 2.0)
        await all_well(fleet, load, 2, within=within)
        return len([saw for saw in load.saws if saw.served])


async def fleets_in_parallel(folder, rng, count, *, how, within):
    share = [MOMENTS // count + (n < MOMENTS % count) for n in range(count)]
    seeds = [random.Random(rng.random()) for _ in range(count)]
    await asyncio.gather(
        *(
            small_fleet(folder, f"f{n}", seeds[n], share[n], how=how, within=within)
            for n in range(count)
            if share[n]
        )
    )


async def test_redis_is_killed_and_comes_back_with_its_data(folder):
    await fleets_in_parallel(folder, seeded("redis"), 5, how=WITH_DATA, within=HEALED_SECONDS)


async def test_redis_is_killed_and_comes_back_empty(folder):
    await fleets_in_parallel(folder, seeded("redis empty"), 10, how=EMPTY, within=HEALED_AFTER_LOSS_SECONDS)


async def test_redis_is_killed_and_comes_back_without_its_tail(folder):
    rng = seeded("redis tail")
    await fleets_in_parallel(folder, rng, 10, how=WITHOUT_TAIL, within=HEALED_AFTER_LOSS_SECONDS)
