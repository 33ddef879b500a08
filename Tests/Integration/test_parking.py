"""Clients that get their 101 before they have a slot (`park=websocket`)."""

import asyncio

import pytest
import websockets
from support import client
from support.fleet import Fleet
from test_session_bounds import close_of

PATH = "/pool/*?park=websocket"


async def parked(fleet, name, path=PATH):
    """A client that has its 101, and waits in line behind it."""
    one = await fleet.client(name, path=path).open()
    assert (await one.answer(5)).status == 101
    await fleet.queued(name)
    return one


async def held(fleet):
    """One slot, and a client in it."""
    await fleet.gateway()
    await fleet.worker({"AppA:x": 1})
    holder = await fleet.client("holder").open()
    assert (await holder.answer()).status == 101 and await holder.echo()
    return holder


async def test_a_client_of_a_library_sends_before_it_has_a_slot(folder):
    async with Fleet(folder) as fleet:
        holder = await held(fleet)
        gateway = fleet.gateways[0]
        address = f"ws://127.0.0.1:{gateway.port}{PATH}"
        # Its keepalive pings are answered meanwhile, or it would close by itself.
        async with websockets.connect(
            address, additional_headers={"x-berth-run": "early"}, subprotocols=["a"], ping_interval=0.2,
            ping_timeout=1,
        ) as one:
            assert one.subprotocol is None
            await fleet.queued("early")
            await one.send("first")
            await one.send(b"x" * 60_000)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(one.recv(), 2)
            await holder.finish()
            assert await one.recv() == "first" and await one.recv() == b"x" * 60_000
            await one.send("later")
            assert await one.recv() == "later"
        await gateway.wait_for("end", run="early", outcome="served")


async def test_a_refusal_is_a_close_frame_in_words(folder):
    async with Fleet(folder) as fleet:
        holder = await held(fleet)
        late = await parked(fleet, "late", PATH + "&wait=1s")
        code, words = await close_of(late)
        assert code == 1013 and "in 1 s: all slots that fit are in use; retry in" in words
        lost = await fleet.client("lost", path="/pool/nowhere?park=websocket").open()
        assert (await lost.answer()).status == 101
        code, words = await close_of(lost)
        assert code == 1008 and words.startswith("No worker ever offered")
        await holder.finish()


async def test_a_client_that_closes_or_sends_too_much_leaves_the_line(folder):
    async with Fleet(folder) as fleet:
        holder = await held(fleet)
        gateway = fleet.gateways[0]
        leaver, dropper, flooder = [await parked(fleet, name) for name in ("leaver", "dropper", "flooder")]
        leaver.writer.write(client.frame(b"\x03\xe8", opcode=8))
        assert (await close_of(leaver))[0] == 1000
        dropper.leave("rst")
        flooder.writer.write(client.frame(b"x" * 65_536))
        code, words = await close_of(flooder)
        assert code == 1009 and words == "More than 64 KiB came before a slot was free"
        for name in ("leaver", "dropper", "flooder"):
            await gateway.wait_for("end", run=name, outcome="left")
        behind = await parked(fleet, "behind")
        await holder.finish()
        assert await behind.echo()
        await behind.finish()
        await fleet.nothing_held(within=10)


async def test_a_worker_that_dies_while_its_sidecar_is_asked_costs_no_slot(folder):
    async with Fleet(folder) as fleet:
        holder = await held(fleet)
        waiting = await parked(fleet, "waiting")
        await fleet.workers[0].kill()
        assert await holder.closed_by_peer()
        await fleet.worker({"AppA:x": 1}, name="w2")
        assert await waiting.echo(timeout=30)
        await waiting.finish()
