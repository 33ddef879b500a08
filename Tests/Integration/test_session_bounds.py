"""Time limits that clients set for their own sessions, and what clients read when a session ends early."""

import signal
import struct

import pytest
from support import client
from support.fleet import Fleet


async def close_of(one: client.Client) -> tuple[int, str]:
    """The code and words of the Close frame."""
    while True:
        opcode, payload = await client.read_frame(one.reader)
        if opcode == 8:
            return struct.unpack("!H", payload[:2])[0], payload[2:].decode()


@pytest.mark.parametrize("option, words", [("ttl", "reached the ttl"), ("idle", "No message passed")])
async def test_a_limit_of_the_client_ends_its_session_and_frees_the_slot(folder, option, words):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        worker = await fleet.worker({"AppA:x": 1})
        limited = await fleet.client("limited", headers={f"x-berth-{option}": "3s"}).open()
        assert (await limited.answer()).status == 101 and await limited.echo()
        behind = await fleet.client("behind").open()
        code, reason = await close_of(limited)
        assert code == 1001 and words in reason
        assert (await behind.answer(10)).status == 101 and await behind.echo()
        await worker.wait_for("end", reason=option)
        await behind.finish()


async def test_messages_keep_a_session_from_being_idle(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        await fleet.worker({"AppA:x": 1})
        one = await fleet.client("one", path="/pool/*?idle=3s&ttl=1m").open()
        assert (await one.answer()).status == 101
        # Five waits of 1 s end one after the other meanwhile: longer than the limit.
        for name in ["first", "second", "third", "fourth", "fifth"]:
            assert await one.echo()
            other = await fleet.client(name, path="/pool/*?wait=1s").open()
            assert (await other.answer()).code == "wait_timeout"
        assert await one.echo()
        await one.finish()


async def test_a_frozen_gateway_holds_no_slot_beyond_the_ttl(folder):
    async with Fleet(folder) as fleet:
        frozen, other = await fleet.gateway(), await fleet.gateway()
        worker = await fleet.worker({"AppA:x": 1})
        holder = await fleet.client("holder", frozen, path="/pool/*?ttl=2s").open()
        assert (await holder.answer()).status == 101 and await holder.echo()
        behind = await fleet.client("behind", other).open()
        await fleet.queued("behind")
        frozen.signal(signal.SIGSTOP)
        try:
            assert (await behind.answer(10)).status == 101 and await behind.echo()
            await worker.wait_for("end", reason="ttl")
            await behind.finish()
        finally:
            frozen.signal(signal.SIGCONT)
