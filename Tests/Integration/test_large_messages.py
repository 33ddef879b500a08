"""A message of 100 MiB, and many small ones: they come back unchanged, and no process keeps them in memory."""

import asyncio
import hashlib
import os
import random
import struct

from support.client import Client, read_frame
from support.fleet import Fleet
from support.remains import peak_bytes

LONG = bool(os.environ.get("BERTH_LONG"))
MESSAGE_BYTES = 100 * 1024 * 1024
SMALL_FRAMES = 100_000 if LONG else 10_000
CHUNK_BYTES = 256 * 1024
# Of a gateway and of a worker: buffers of both directions, and what the allocator keeps.
GROWTH_BYTES_MAX = 8 * 1024 * 1024


def chunks(size: int):
    """Bytes that no two messages share, and that do not compress."""
    rng = random.Random(14)
    for at in range(0, size, CHUNK_BYTES):
        yield rng.randbytes(min(CHUNK_BYTES, size - at))


async def served(fleet: Fleet) -> Client:
    await fleet.gateway()
    await fleet.worker({"AppA:x": 1})
    await fleet.grantable(1)
    one = fleet.client("large")
    await one.open()
    assert (await one.answer()).status == 101 and await one.echo(os.urandom(1 << 15))
    return one


async def test_a_message_of_100_mib_passes_through_flat_memory(folder):
    async with Fleet(folder) as fleet:
        one = await served(fleet)
        before = {node.name: peak_bytes(node) for node in fleet.nodes}
        sent, got = hashlib.sha256(), hashlib.sha256()

        async def send():
            # One frame. Its masking key is zero.
            one.writer.write(struct.pack("!BBQI", 0x82, 0x80 | 127, MESSAGE_BYTES, 0))
            for chunk in chunks(MESSAGE_BYTES):
                sent.update(chunk)
                one.writer.write(chunk)
                await one.writer.drain()

        async def receive():
            left = MESSAGE_BYTES
            while left:
                opcode, size = await frame_head(one.reader)
                assert opcode in (0, 2), opcode
                left -= size
                while size:
                    chunk = await one.reader.read(min(size, CHUNK_BYTES))
                    assert chunk, f"{left + size} bytes are missing"
                    size -= len(chunk)
                    got.update(chunk)

        await asyncio.gather(send(), receive())
        assert got.digest() == sent.digest()
        grew = {node.name: peak_bytes(node) - before[node.name] for node in fleet.nodes}
        print(grew)
        assert max(grew.values()) <= GROWTH_BYTES_MAX, grew
        assert await one.echo()
        await one.finish()


async def frame_head(reader) -> tuple[int, int]:
    first, second = await reader.readexactly(2)
    size = second & 127
    if size > 125:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
    return first & 15, size


async def test_small_frames_pass_in_order(folder):
    async with Fleet(folder) as fleet:
        one = await served(fleet)
        before = {node.name: peak_bytes(node) for node in fleet.nodes}
        rng = random.Random(15)
        payloads = [rng.randbytes(rng.choice((0, 1, 7, 64, 125, 126, 300))) for _ in range(SMALL_FRAMES)]

        async def send():
            for payload in payloads:
                size = len(payload)
                head = struct.pack("!BB", 0x82, 0x80 | size) if size < 126 else struct.pack("!BBH", 0x82, 0xFE, size)
                one.writer.write(head + bytes(4) + payload)
                await one.writer.drain()

        async def receive():
            return [(await read_frame(one.reader))[1] for _ in payloads]

        _, back = await asyncio.gather(send(), receive())
        assert hashlib.sha256(b"".join(back)).digest() == hashlib.sha256(b"".join(payloads)).digest()
        assert [len(payload) for payload in back] == [len(payload) for payload in payloads]
        grew = {node.name: peak_bytes(node) - before[node.name] for node in fleet.nodes}
        print(grew)
        assert max(grew.values()) <= GROWTH_BYTES_MAX, grew
        await one.finish()
