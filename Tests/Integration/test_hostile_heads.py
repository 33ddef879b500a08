"""Each hostile head of data/hostile_heads.yaml, whole and at its split points: refused, and no byte of it forwarded."""

import asyncio
import os
import random
import sys

from support import splits, vectors
from support.fleet import Fleet

ODD = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support", "odd_sidecar.py")
LONG = bool(os.environ.get("BERTH_LONG"))
# Split points of each vector; 0: each one, but of a vector beyond LARGE_BYTES as many as of one of that size.
SPLITS = int(os.environ.get("BERTH_SPLITS") or ("0" if LONG else "1"))
LARGE_BYTES = 1_000
SEED = int(os.environ.get("BERTH_SEED") or 14)
BATCH = 64
PROBE = b"user-agent: berth-probe"


class Watched:
    """A gateway whose one slot is held, and the heads that reached the sidecar."""

    def __init__(self, fleet: Fleet, folder: str):
        self.fleet = fleet
        self.record = os.path.join(folder, "record")

    async def start(self):
        self.gateway = await self.fleet.gateway()
        await self.fleet.worker({"AppA:x": 1}, command=f"{sys.executable} -I -S {ODD} {self.record}")
        await self.fleet.grantable(1)
        # A head that the gateway takes waits behind this one. So no answer comes late, and one that is missing shows.
        self.holder = self.fleet.client("holder", path="/pool/*/honest")
        await self.holder.open()
        assert (await self.holder.answer()).status == 101 and await self.holder.echo()
        return self

    def forwarded(self) -> list[bytes]:
        """Heads at the sidecar, without the worker's own probes."""
        with open(self.record, "rb") as file:
            heads = file.read().split(b"\r\n\r\n")[:-1]
        return [head for head in heads if PROBE not in head.lower()]

    async def still_serves(self):
        """The held session goes on, and the next one is as good; nothing else reached the sidecar."""
        assert await self.holder.echo()
        await self.holder.finish()
        after = self.fleet.client("after", path="/pool/*/honest")
        await after.open()
        assert (await after.answer()).status == 101 and await after.echo()
        assert [head.partition(b" HTTP")[0] for head in self.forwarded()] == [b"GET /odd/honest"] * 2
        assert await self.fleet.audit() == []


def points(vector: vectors.Vector, rng: random.Random) -> list[int]:
    every = range(1, len(vector.data), max(1, len(vector.data) // LARGE_BYTES))
    return rng.sample(every, min(SPLITS, len(every))) if SPLITS else list(every)


def wrong(port: int, requests: list[tuple[vectors.Vector, int]]) -> list[str]:
    """What is wrong about the answers to these vectors, each split at that byte."""
    found = []
    for at in range(0, len(requests), BATCH):
        batch = requests[at : at + BATCH]
        answers = splits.answers(port, [(vector.data, split) for vector, split in batch])
        for (vector, split), answer in zip(batch, answers):
            if splits.verdict(answer) != (vector.status, vector.code) or answer.count(b"HTTP/1.1 ") != 1:
                found.append(f"{vector.name}, split at {split} of {len(vector.data)}: {answer[:300]!r}")
    return found


async def test_hostile_heads_are_refused_however_split(folder):
    good, hostile = vectors.read()
    assert len({vector.data for vector in hostile}) >= 300
    rng = random.Random(SEED)
    whole = [(vector, len(vector.data)) for vector in hostile]
    split = [(vector, at) for vector in hostile for at in points(vector, rng)]
    async with Fleet(folder) as fleet:
        watched = await Watched(fleet, folder).start()
        # The handshake itself is good: it waits.
        assert await asyncio.to_thread(splits.first_answers, watched.gateway.port, [good]) == [b""]
        await watched.gateway.wait_for("accept", where=lambda line: not line.get("run"))
        found = await asyncio.to_thread(wrong, watched.gateway.port, whole + split)
        assert not found, f"{len(found)} of {len(whole + split)} are wrong:\n" + "\n".join(found[:40])
        print(f"{len(hostile)} vectors, {len(split)} split points")
        # A good head that came before the bytes behind it has waited, and left without a slot.
        behind = sum(vector.good is not None and at >= vector.good for vector, at in split)
        waited = len(watched.gateway.events("accept")) - 2
        assert waited <= behind, (waited, behind)
        await watched.still_serves()
