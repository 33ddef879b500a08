"""Thousands of clients that take their time. Others are served meanwhile, memory is bounded, and nothing is left.

How long others wait meanwhile is measured by loadtest/bench/crowds.py; here only what holds on any machine is asserted.
"""

import json
import os
import sys

from support import client
from support.fleet import Fleet, Node, eventually
from support.process import Process
from support.remains import resident_bytes

LONG = bool(os.environ.get("BERTH_LONG"))
COUNT = int(os.environ.get("BERTH_CROWD") or ("2000" if LONG else "100"))
SECONDS = 60 if LONG else 3
# Longer than the 10 s that a head may take.
HEAD_SECONDS = 60 if LONG else 12
CROWD = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support", "crowd.py")
HEAD_BYTES_MAX = 8 * 1024
# Two directions, 256 KiB each.
RELAY_BYTES_MAX = 2 * 256 * 1024
BASE_BYTES = 4 * 1024 * 1024


def descriptors(node: Node) -> int:
    return len(os.listdir(f"/proc/{node.pid}/fd"))


class Crowd:
    """A crowd in front of a gateway, and honest clients of another tenant beside it."""

    def __init__(self, fleet: Fleet, gateway: Node, path: str):
        self.fleet, self.gateway, self.path = fleet, gateway, path
        self.peak = 0

    async def run(self, kind: str, *more: str, seconds=SECONDS) -> dict:
        """Lets a crowd come and go. Returns its counts."""
        assert (await self.honest("before")).served
        before, self.began = descriptors(self.gateway), resident_bytes(self.gateway)
        argv = [sys.executable, "-I", "-S", CROWD, str(self.gateway.port), kind, str(COUNT), str(seconds), *more]
        crowd = self.fleet.keep(await Process.start("crowd", argv, self.fleet.folder))
        served = 0
        while crowd.alive:
            saw = await self.honest(f"honest{served}")
            assert saw.served, saw
            served += 1
            self.peak = max(self.peak, resident_bytes(self.gateway))
        assert await crowd.exit() == 0 and crowd.events("begun"), crowd.output
        # The connection between gateway and Redis may be a new one.
        await eventually(lambda: descriptors(self.gateway) <= before + 2, 60, f"descriptors are {before} again")
        await self.fleet.nothing_held(within=60)
        assert (await self.honest("after")).served
        assert await self.fleet.audit() == []
        counts = json.loads(crowd.lines[-1].text)
        each = (self.peak - self.began) / COUNT / 1024
        print(f"{kind}: {counts}, {served} honest clients, {each:.1f} KiB a connection")
        return counts

    async def honest(self, name: str) -> client.Saw:
        one = self.fleet.client(name, self.gateway, tenant="honest", path=self.path)
        return await client.session(one, hold=0.2, answer_timeout=60)

    def grew_at_most(self, each: int) -> bool:
        return self.peak - self.began <= BASE_BYTES + COUNT * each


async def test_slow_heads_are_refused_in_time(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker({"AppA:x": 2})
        await fleet.grantable(2)
        crowd = Crowd(fleet, gateway, "/pool/*")
        counts = await crowd.run("heads", seconds=HEAD_SECONDS)
        assert counts.get("408", 0) >= COUNT, counts
        assert crowd.grew_at_most(HEAD_BYTES_MAX), (crowd.began, crowd.peak)


async def test_slow_readers_hold_a_bounded_part_of_memory(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        for number in range(0, COUNT, 1_000):
            slots = min(1_000, COUNT - number)
            await fleet.worker({"AppA:x": slots}, f"w{number}", more=["--mode", "shared", "--sessions", "50"])
        await fleet.worker({"AppB:y": 2}, "honest")
        await fleet.grantable(COUNT + 2, timeout=60)
        crowd = Crowd(fleet, gateway, "/pool/AppB:y")
        counts = await crowd.run("readers", "--path", "/pool/AppA:x")
        # Nobody was cut off, and nobody's bytes were taken without end.
        assert counts.get("101", 0) == COUNT == counts["open"], counts
        assert crowd.grew_at_most(RELAY_BYTES_MAX), (crowd.began, crowd.peak)


async def test_a_tenants_waiting_crowd_keeps_nobody_else_waiting(folder):
    tenants = {"crowd": {"cap": 1, "maxQueue": COUNT, "parkedMax": COUNT + 10}, "honest": {"cap": 2}}
    async with Fleet(folder, tenants=tenants) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker({"AppA:x": 3})
        await fleet.grantable(3)
        crowd = Crowd(fleet, gateway, "/pool/*")
        counts = await crowd.run("parked", "--tenant", "crowd")
        assert counts["open"] == COUNT == counts["connections"] and counts.get("101") == 1, counts
        assert crowd.grew_at_most(HEAD_BYTES_MAX), (crowd.began, crowd.peak)
