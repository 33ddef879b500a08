"""A load that never stops: loops of clients, one session after another, over all gateways that live."""

import asyncio

from . import client


class Load:
    """`loops` clients at a time. Every session is recorded in the fleet's ledger under a name of its own."""

    def __init__(
        self, fleet, rng, *, loops=6, tenants=("default",), paths=("/pool/*",), hold=0.06, name="l", gateways=None
    ):
        self.fleet = fleet
        self.rng = rng
        self.hold = hold
        self.tenants = tenants
        self.paths = paths
        self.name = name
        # Read anew for each client: a gateway that was killed has a successor.
        self.gateways = gateways if gateways is not None else fleet.gateways
        self.count = 0
        self.saws: list[client.Saw] = []
        self._on = True
        self._tasks = [asyncio.create_task(self._loop(i)) for i in range(loops)]

    async def _loop(self, index: int):
        while self._on:
            gateway = self.rng.choice(self.gateways)
            self.count += 1
            one = self.fleet.client(
                f"{self.name}{self.count}",
                gateway,
                tenant=self.tenants[self.count % len(self.tenants)],
                path=self.rng.choice(self.paths),
            )
            self.saws.append(one.saw)
            await client.session(one, hold=self.rng.uniform(0, 2 * self.hold), answer_timeout=90)
            if not one.saw.served:
                # A refused client comes back after a moment, as people's clients do.
                await asyncio.sleep(0.05)

    async def stop(self, timeout=60.0) -> list[client.Saw]:
        """Starts no more sessions and awaits the end of those that run."""
        self._on = False
        done, late = await asyncio.wait(self._tasks, timeout=timeout)
        assert not late, f"{len(late)} clients still wait {timeout} s after the load ended"
        for task in done:
            task.result()
        return self.saws
