"""Why a wait ended without a slot, in the words, the body, the header and the log."""

import json

from support import clock
from support.fleet import Fleet


def reason_of(saw) -> str:
    """The reason, which must be the same in body and header."""
    assert saw.status == 503 and saw.code == "wait_timeout", saw.body
    reason = json.loads(saw.body)["error"]["reason"]
    assert saw.headers["x-berth-reason"] == reason
    return reason


async def test_a_full_pool_and_a_full_tenant_are_told_apart(folder):
    async with Fleet(folder, tenants={"small": {"cap": 1}, "big": {"cap": 9}}) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker({"AppA:x": 2})
        await fleet.grantable(2)
        first = await fleet.client("first", tenant="small").open()
        assert (await first.answer()).status == 101 and await first.echo()
        capped = await fleet.client("capped", tenant="small", path="/pool/*?wait=1s").open()
        saw = await capped.answer()
        assert reason_of(saw) == "tenant_cap"
        assert "in 1 s: tenant small holds 1 of its 1; retry in" in saw.message
        await gateway.wait_for("refusal", run="capped", reason="tenant_cap")
        second = await fleet.client("second", tenant="big").open()
        assert (await second.answer()).status == 101 and await second.echo()
        third = await fleet.client("third", tenant="big", path="/pool/*?wait=1s").open()
        assert reason_of(await third.answer()) == "capacity"
        await first.finish()
        await second.finish()


async def test_a_client_whose_pool_has_no_worker_is_refused_before_its_wait_is_over(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway(more=["--no-worker-wait", "2s"])
        # Ever declared, and gone.
        worker = await fleet.worker({"AppA:x": 1})
        await fleet.grantable(1)
        await worker.terminate()
        began = clock.now()
        alone = await fleet.client("alone", path="/pool/AppA:x?wait=60s").open()
        saw = await alone.answer()
        assert reason_of(saw) == "no_worker" and "in 2 s: no worker that offers one is running" in saw.message
        assert 1.9 < clock.now() - began < 6
        await gateway.wait_for("refusal", run="alone", reason="no_worker")


async def test_a_client_whose_worker_is_busy_waits_on(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway(more=["--no-worker-wait", "1s"])
        await fleet.worker({"AppA:x": 1})
        holder = await fleet.client("holder").open()
        assert (await holder.answer()).status == 101 and await holder.echo()
        behind = await fleet.client("behind", path="/pool/*?wait=4s").open()
        saw = await behind.answer()
        assert reason_of(saw) == "capacity" and "in 4 s: all slots that fit are in use" in saw.message
        await holder.finish()
