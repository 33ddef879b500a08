"""A worker in another network than Redis and the gateways: it serves, and it is named if gateways cannot dial it. Cables
that are cut cost what they must and no more. `make test-long` cuts them for 30 s."""

import asyncio
import json
import os
import random

import pytest
from support import checkers, client, clock
from support.fleet import eventually
from support.load import Load
from support.network import CABLES, WORKER_PORT, Apart, objection

pytestmark = pytest.mark.skipif(objection() is not None, reason=str(objection()))

TTL = 10.0
# The shortest that outlasts each deadline: TTL, and the sweep and the renew that follow.
CUT_SECONDS = float(os.environ.get("BERTH_CUT_SECONDS") or ("30" if os.environ.get("BERTH_LONG") else "13"))
# A worker that was out of reach for half a minute is probed within 30 s.
HEALED_SECONDS = 35.0
CAPS = {"a": 2, "b": 3}
TENANTS = {name: {"cap": cap} for name, cap in CAPS.items()}


async def row_of(fleet, node) -> dict:
    rows = [row for row in (await fleet.status())["workers"] or [] if row["id"].startswith(node + ".")]
    return rows[0] if rows else {}


async def doctor(fleet) -> list[dict]:
    """What is wrong with the addresses of workers."""
    arguments = ["--redis", fleet.redis.url, "--fleet", "test", "--node-secret-file", fleet.secret, "--json"]
    process = await fleet.tool("doctor", *arguments)
    rows = json.loads(process.output.strip().splitlines()[-1])["findings"]
    return [row for row in rows if row["check"] == "worker.address" and row["verdict"] == "wrong"]


async def test_a_worker_on_another_address_serves(folder):
    async with Apart(folder) as fleet:
        await fleet.gateway()
        # It listens on all addresses, and advertises the one of its connection to Redis.
        worker = await fleet.far_worker({"Far:x": 2}, advertise=None)
        await fleet.grantable(2)
        await fleet.all_usable(2, within=10)
        assert (await row_of(fleet, "far"))["address"] == f"{CABLES['redis'][1]}:{WORKER_PORT}"
        assert len(worker.events("session")) == 2
        assert await doctor(fleet) == []
        assert await fleet.audit() == []


@pytest.mark.parametrize("host", ["127.0.0.1", "10.231.2.9", "no-such-host.invalid"])
async def test_an_address_that_gateways_cannot_dial_is_named(folder, host):
    async with Apart(folder) as fleet:
        await fleet.gateway()
        worker = await fleet.far_worker({"Far:x": 1}, advertise=None, env={"PRIVATE_HOSTNAME": host})
        line = await worker.wait_for("unprobed", timeout=30)
        assert f"{host}:{WORKER_PORT}" in line.get("msg") and "--advertise" in line.get("msg")
        row = await row_of(fleet, "far")
        assert row["address"] == f"{host}:{WORKER_PORT}" and row["state"] != "ok", row
        (wrong,) = await doctor(fleet)
        assert f"far at {host}:{WORKER_PORT}" in wrong["words"], wrong
        assert "PRIVATE_HOSTNAME=" in wrong["change"] and "--advertise" in wrong["change"], wrong


async def test_two_workers_that_advertise_one_address_are_named_and_the_first_serves(folder):
    async with Apart(folder) as fleet:
        await fleet.gateway()
        first = await fleet.far_worker({"Far:x": 1})
        await fleet.grantable(1)
        second = await fleet.worker({"Far:x": 1}, "second", advertise=f"{CABLES['gateway'][1]}:{WORKER_PORT}")
        # The gateway asks for the second one, and the first one answers.
        stranger = await first.wait_for("stranger", timeout=15)
        assert "asked for the worker second." in stranger.get("msg"), stranger
        await second.wait_for("unprobed", timeout=30)
        saws = [await client.session(fleet.client(f"c{n}"), answer_timeout=10) for n in range(8)]
        assert [saw for saw in saws if not saw.served] == []
        assert len(first.events("session")) == 8 and second.events("session") == []
        assert (await row_of(fleet, "second"))["state"] != "ok"
        words = [row["words"] for row in await doctor(fleet)]
        assert any("advertise the same address" in one and "far" in one and "second" in one for one in words), words
        assert checkers.safe(fleet.ledger(), {}) == []
        assert await fleet.audit() == []


@pytest.mark.parametrize("caps", ["lenient", "strict"])
@pytest.mark.parametrize("cables", [("redis",), ("gateway",), ("redis", "gateway")], ids="-".join)
async def test_a_worker_that_is_cut_off_comes_back_whole(folder, cables, caps):
    rng = random.Random(f"{cables} {caps}")
    async with Apart(folder, tenants=TENANTS) as fleet:
        await fleet.gateway()
        more = ["--caps", caps]
        near = await fleet.worker({"Near:x": 2}, "near", more=more)
        far = await fleet.far_worker({"Far:x": 2}, more=more)
        await fleet.grantable(4)
        # One tenant holds all that it may, behind the cables, and wants more all the time.
        held = [await fleet.client(f"holder{n}", tenant="a", path="/pool/Far:x").open() for n in range(2)]
        for one in held:
            assert (await one.answer()).status == 101 and await one.echo()
        loads = [Load(fleet, rng, loops=3, tenants=tenant, name=tenant) for tenant in CAPS]
        await eventually(lambda: len(near.events("session")) > 20, 30, "the load runs")

        fleet.cut(*cables)
        began, seen = clock.now(), far.mark()
        if cables == ("redis",) and caps == "lenient":
            await eventually(lambda: clock.now() - began >= TTL + 1, CUT_SECONDS, "longer than the TTL")
            assert all([await one.echo() for one in held]), "relays go on without Redis"
        else:
            # Bytes that are not acknowledged for long end a connection, and a strict worker its sessions.
            end = await far.wait_for("end", timeout=TTL + 3, after=seen)
            assert end.get("reason") == "strict_caps" or "gateway" in cables, end
            told = await asyncio.gather(*(one.closed_by_peer(TTL + 3) for one in held))
            assert all(words.startswith("closed: ") for words in told), told
        served = len(near.events("session"))
        await eventually(lambda: clock.now() - began >= CUT_SECONDS, CUT_SECONDS, "the rest of it")
        await eventually(lambda: len(near.events("session")) > served + 20, 10, "the worker beside it serves on")

        fleet.heal(*cables)
        healed, seen = clock.now(), far.mark()
        if cables == ("redis",) and caps == "lenient":
            assert all([await one.echo() for one in held]), "the sessions noticed"
            await asyncio.gather(*(one.finish() for one in held))
        # One client is its trial where no gateway reached it.
        await far.wait_for("session", timeout=HEALED_SECONDS, after=seen)
        await asyncio.gather(*(load.stop(timeout=HEALED_SECONDS) for load in loads))
        await fleet.grantable(4, timeout=HEALED_SECONDS)
        await fleet.all_usable(4, within=5)
        took = clock.now() - healed
        await fleet.nothing_held(within=10)
        assert checkers.safe(fleet.ledger(), CAPS if caps == "strict" else {}) == []
        assert await fleet.audit() == []
        print(f"cut {'-'.join(cables)}, {caps}: all slots serve again {took:.1f} s after the cables heal")
