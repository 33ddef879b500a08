"""Three gateways restart one after the other, under clients that wait and clients that are served."""

import asyncio
import functools
import os
import signal

from support import client, clock
from support.fleet import Fleet, Node, eventually

LONG = bool(os.environ.get("BERTH_LONG"))
WAITERS = int(os.environ.get("BERTH_ROLLED") or ("300" if LONG else "60"))
SESSIONS = WAITERS // 10
DRAIN_SECONDS = 3
TENANT = "acme"


class Roll:
    """A fleet whose gateways restart, and a balancer in front: the gateways that take new clients, in turn."""

    def __init__(self, fleet: Fleet):
        self.fleet = fleet
        self.up: list[Node] = []
        self.drained: dict[str, float] = {}
        self.flow = asyncio.Event()
        self._turn = 0

    def next_gateway(self) -> Node:
        self._turn += 1
        return self.up[self._turn % len(self.up)]

    async def restart(self, gateway: Node):
        self.up.remove(gateway)
        self.drained[gateway.name] = clock.now()
        gateway.signal(signal.SIGTERM)
        assert await gateway.exit(120) == 0
        self.up.append(await self.fleet.restart(gateway))

    async def waiting(self) -> int:
        return int(await self.fleet.redis.command("ZCARD", "berth:{test}:line"))


class Member:
    """A client that connects again as long as gateways end. It holds its slot until the flow begins."""

    def __init__(self, roll: Roll, name: str, alias: bool):
        self.roll, self.name = roll, name
        self.alias = name if alias else ""
        self.runs: list[str] = []
        self.served = False
        # A session that its gateway ended: (gateway, when, the words).
        self.cut: tuple[str, float, str] | None = None

    async def live(self):
        while True:
            gateway = self.roll.next_gateway()
            self.runs.append(f"{self.name}.{len(self.runs)}")
            path = f"/pool/*?wait=200s&waiter={self.alias}" if self.alias else "/pool/*?wait=200s"
            one = self.roll.fleet.client(self.runs[-1], gateway, tenant=TENANT, path=path)
            await one.open()
            saw = await one.answer(300)
            if saw.status == 101:
                return await self.hold(one, gateway)
            assert (saw.status, saw.code) == (503, "shutting_down"), f"{self.name}: {saw}"
            assert gateway.name in self.roll.drained and "retry-after" in saw.headers, saw

    async def hold(self, one: client.Client, gateway: Node):
        self.served = True
        assert await one.echo(), one.saw
        ended = asyncio.create_task(one.closed_by_peer(300))
        flow = asyncio.create_task(self.roll.flow.wait())
        await asyncio.wait((ended, flow), return_when=asyncio.FIRST_COMPLETED)
        flow.cancel()
        if ended.done():
            self.cut = (gateway.name, clock.now(), ended.result())
            return
        ended.cancel()
        await asyncio.gather(ended, return_exceptions=True)
        assert await one.echo(), one.saw
        await one.finish()


async def start(group: asyncio.TaskGroup, members: list[Member], done):
    """Starts the members one after the other, so that their order is known."""
    for member in members:
        group.create_task(member.live())
        await eventually(functools.partial(done, member), 60, f"{member.name} is there", every=0.01)


def tickets(fleet: Fleet, member: Member) -> list[int]:
    """The tickets of a member's waits, in order."""
    found = []
    for run in member.runs:
        for node in fleet.nodes:
            for accept in node.events("accept", run=run):
                lines = node.events(waiter=accept.get("waiter"))
                found += [line.get("ticket") for line in lines if line.get("ticket")]
    return found


def order_of_grants(fleet: Fleet) -> list[str]:
    """Names of members, in the order of their grants' tokens."""
    ledger = fleet.ledger()
    names = {wait.waiter: wait.run.partition(".")[0] for wait in ledger.waits}
    return [names[grant.waiter] for grant in sorted(ledger.grants, key=lambda grant: grant.token)]


async def rolled(fleet: Fleet, *, aliases: bool) -> list[Member]:
    """Restarts all gateways under sessions and waiters, checks sessions and order, and returns the waiters."""
    roll = Roll(fleet)
    for _ in range(3):
        roll.up.append(await fleet.gateway(more=["--drain-timeout", f"{DRAIN_SECONDS}s"]))
    await fleet.worker({"AppA:x": SESSIONS}, more=["--mode", "shared", "--sessions", str(SESSIONS)])
    await fleet.grantable(SESSIONS, timeout=60)
    holders = [Member(roll, f"s{n}", False) for n in range(SESSIONS)]
    # Each gateway gets clients with an alias, and clients without.
    waiters = [Member(roll, f"w{n}", aliases and n % 2 == 0) for n in range(WAITERS)]
    async with asyncio.TaskGroup() as group:
        await start(group, holders, lambda member: member.served)
        await start(group, waiters, lambda member: tickets(fleet, member))
        for gateway in list(fleet.gateways):
            await roll.restart(gateway)

        async def all_wait():
            return await roll.waiting() == sum(not member.served for member in waiters)

        await eventually(all_wait, 60, "all clients that were not served wait")
        left = {member.name: tickets(fleet, member)[-1] for member in waiters if not member.served}
        roll.flow.set()

    # No session ended before the drain timeout of its gateway, and each client read why it ended.
    cuts = [member.cut for member in holders + waiters if member.cut]
    assert all(member.cut for member in holders)
    # A loop's clock counts whole milliseconds.
    early = [cut for cut in cuts if cut[1] < roll.drained[cut[0]] + DRAIN_SECONDS - 0.002]
    assert not early and all(words.startswith("closed: ") for _, _, words in cuts), cuts
    # The others are served in the order of their tickets.
    granted = [name for name in order_of_grants(fleet) if name in left]
    assert granted == sorted(left, key=left.get), granted
    print(f"{len(cuts)} sessions cut, {len(left)} served after the last restart")
    await fleet.nothing_held(within=30)
    assert await fleet.audit() == []
    return waiters


def fleet_of(folder) -> Fleet:
    return Fleet(folder, tenants={TENANT: {"cap": SESSIONS, "maxQueue": 2 * WAITERS, "maxWait": "10m"}})


async def test_a_rolling_restart_cuts_no_session_early_and_loses_no_client(folder):
    async with fleet_of(folder) as fleet:
        waiters = await rolled(fleet, aliases=False)
        # A client that connects again without an alias has a new place.
        moved = [tickets(fleet, member) for member in waiters if len(member.runs) > 1]
        assert len(moved) >= WAITERS // 2 and all(len(set(found)) > 1 for found in moved)


async def test_a_rolling_restart_keeps_the_place_of_an_alias(folder):
    async with fleet_of(folder) as fleet:
        waiters = await rolled(fleet, aliases=True)
        moved = {member.name: tickets(fleet, member) for member in waiters if len(member.runs) > 1 and member.alias}
        assert len(moved) >= WAITERS // 4
        assert not {name: found for name, found in moved.items() if len(set(found)) > 1}
