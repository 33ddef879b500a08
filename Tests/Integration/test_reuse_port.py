"""Several gateway processes share one port, and one of them drains without a refusal."""

import asyncio

from support import client
from support.fleet import Fleet, eventually

POOL = {"AppA:x": 80}
SHARED = ["--reuse-port"]


def sessions(node) -> int:
    return len(node.events("session"))


async def pair(fleet):
    first = await fleet.gateway(more=SHARED)
    second = await fleet.gateway(more=SHARED, listen=first.port)
    assert first.port == second.port
    return first, second


async def half_a_head(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = client.upgrade_head("/pool/*", f"127.0.0.1:{port}", {})
    writer.write(head[:40])
    return reader, writer, head[40:]


async def completed(half) -> bytes:
    reader, writer, rest = half
    writer.write(rest)
    async with asyncio.timeout(60):
        line = await reader.readline()
    writer.close()
    return line


async def test_two_gateways_share_a_port_and_one_drains_without_a_refusal(folder):
    async with Fleet(folder) as fleet:
        first, second = await pair(fleet)
        await fleet.worker(POOL, kind="lease")
        await fleet.grantable(80)
        held = [await fleet.client(f"held{number}").open() for number in range(40)]
        assert [saw.status for saw in [await one.answer() for one in held]] == [101] * 40
        await eventually(lambda: sessions(first) + sessions(second) == 40, 20, "all are in the logs")
        # The chance that all 40 come to one process is 1 in 2^39.
        assert sessions(first) > 0 and sessions(second) > 0
        before = sessions(second)
        # 2^-20 that none of them is at the one that drains.
        halves = [await half_a_head(first.port) for _ in range(20)]
        saws = []

        async def come():
            while first.alive:
                one = client.Client(client.Saw("come", "", "/pool/*"), first.port, {})
                saws.append(one.saw)
                try:
                    await (await one.open()).answer()
                    await one.finish()
                except OSError as error:
                    one.saw.error = str(error)

        comers = [asyncio.create_task(come()) for _ in range(2)]
        drained = asyncio.create_task(first.terminate(60))
        await first.wait_for("draining", timeout=20)
        assert {await completed(half) for half in halves} == {b"HTTP/1.1 101 Switching Protocols\r\n"}
        await asyncio.gather(*(one.finish() for one in held))
        assert await drained == 0
        await asyncio.gather(*comers)
        # The kernel resets a connection that comes in the microseconds between the last accept and the close.
        assert [saw.body for saw in saws if saw.status != 101 and not saw.error] == []
        assert sum(bool(saw.error) for saw in saws) <= 1, [saw.error for saw in saws if saw.error]
        await eventually(lambda: sessions(second) > before, 20, "the other gateway took some")
        late = await (await fleet.client("late", second).open()).answer()
        assert late.status == 101
        assert await fleet.audit() == []


async def test_a_port_is_shared_only_if_both_ask_for_it(folder):
    async with Fleet(folder) as fleet:
        first = await fleet.gateway(more=SHARED)
        alone = await fleet.gateway(listen=first.port, wait=False)
        assert await alone.exit(20) != 0
        assert "EADDRINUSE" in alone.output, alone.output
