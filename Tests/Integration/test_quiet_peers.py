"""Sessions whose peers say nothing: frozen sidecars, quiet clients, and peers that vanish while bytes are on their way."""

import asyncio
import contextlib
import os
import signal

import pytest
from support.client import frame, read_frame
from support.fleet import Fleet
from support.network import Apart, objection


async def test_a_sidecar_that_freezes_during_a_session_ends_it_in_words(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        worker = await fleet.worker({"AppA:x": 1}, more=["--warm", "0"])
        await fleet.grantable(1)
        one = await fleet.client("one").open()
        assert (await one.answer()).status == 101 and await one.echo()
        os.kill((await worker.wait_for("sidecar", state="ready")).get("pid"), signal.SIGSTOP)
        words = await one.closed_by_peer(timeout=90)
        assert words.startswith("closed: ") and "froze" in words, words
        await worker.wait_for("end", reason="sidecar_frozen")
        await fleet.grantable(1, timeout=30)
        assert await fleet.audit() == []


async def test_a_quiet_session_goes_on_and_its_client_is_pinged(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        await fleet.worker({"licences": 1}, kind="lease")
        await fleet.worker({"AppA:x": 1})
        await fleet.grantable(2)
        holder = await fleet.client("holder", path="/pool/licences/").open()
        quiet = await fleet.client("quiet", path="/pool/AppA:x/").open()
        for client in (holder, quiet):
            assert (await client.answer()).status == 101
        async with asyncio.timeout(90):
            # No sidecar is behind a lease: the gateway asks.
            assert await read_frame(holder.reader) == (9, b"")
            holder.writer.write(frame(b"", opcode=10))
            # The worker asks the sidecar, and the sidecar's answer passes.
            assert await read_frame(quiet.reader) == (10, b"")
        assert await quiet.echo()
        for client in (holder, quiet):
            await client.finish()
        await fleet.nothing_held(within=10)


@pytest.mark.skipif(objection() is not None, reason=str(objection()))
async def test_a_worker_that_vanishes_under_traffic_is_missed(folder):
    async with Apart(folder) as fleet:
        await fleet.gateway()
        worker = await fleet.far_worker({"Far:x": 1})
        await fleet.grantable(1)
        one = await fleet.client("one").open()
        assert (await one.answer()).status == 101 and await one.echo()
        # Parts of this message are on their way in both directions, until its echo is complete.
        one.writer.write(frame(bytes(4 << 20), opcode=2))
        assert await one.reader.readexactly(1)
        fleet.cut("gateway")
        one.writer.write(frame(b"lost", opcode=2))
        # In the middle of a message the end is a reset. When the whole echo was through before the cut, it is a close.
        async with asyncio.timeout(90):
            with contextlib.suppress(ConnectionResetError):
                while await one.reader.read(1 << 16):
                    pass
        await worker.wait_for("end", timeout=90)
        fleet.heal("gateway")
        await fleet.grantable(1, timeout=60)
        assert await fleet.audit() == []
