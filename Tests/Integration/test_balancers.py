"""The proxies of docs/operate/proxies.md, each with the document's configuration, and the document's table."""

import asyncio
import json
import os
import signal

import pytest
from support import balancers, client, clock
from support.client import raw
from support.fleet import Fleet, binary, eventually

LONG = bool(os.environ.get("BERTH_LONG"))
SILENT_SECONDS = 70 if LONG else 5
SLOTS = 4
CLIENT = "127.0.0.7"
# Checks come each second. After so many, a proxy that looks has seen that a gateway drains.
NOTICED_SECONDS = 10
IN_A_ROW = 10
CHECK = b"OPTIONS / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
DISCOVERY = "GET /json/version HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n"


class Front:
    """Two gateways behind a proxy, and a worker with four slots."""

    def __init__(self, fleet: Fleet, folder: str, kind: balancers.Kind):
        self.fleet, self.folder, self.kind = fleet, folder, kind
        self.count = 0

    async def start(self):
        for _ in range(2):
            await self.fleet.gateway(more=["--trusted-proxy", "127.0.0.1", "--drain-timeout", "5m"])
        pools = os.path.join(self.folder, "pools.yaml")
        with open(pools, "w", encoding="ascii") as file:
            echo = json.dumps([binary("loadtest"), "echo"])
            pool = f"{{ slots: {SLOTS}, kind: command, protocol: cdp, command: {echo} }}"
            file.write(f"pools: {{ AppA: {pool} }}\n")
        await self.fleet.worker({}, kind="command", more=["--config", pools])
        await self.fleet.grantable(SLOTS)
        gateways = [gateway.port for gateway in self.fleet.gateways]
        self.balancer = self.fleet.keep(await balancers.Balancer.start(self.kind, self.folder, gateways))
        self.port = self.balancer.port
        await eventually(self.answers_checks, 60, f"{self.kind.name} is up", every=0.2)
        return self

    async def answers_checks(self) -> bool:
        assert self.balancer.process.alive, self.balancer.process.tail()
        try:
            return (await raw(self.port, CHECK)).startswith(b"HTTP/1.1 204 ")
        except OSError:
            return False

    def visitor(self, path="/cdp", **headers) -> client.Client:
        self.count += 1
        one = client.make(f"c{self.count}", self.port, path=path, headers=headers)
        one.source = CLIENT
        return one

    async def served(self, **options) -> client.Client:
        one = self.visitor(**options)
        await one.open()
        saw = await one.answer(60)
        assert saw.status == 101 and await one.echo(os.urandom(100_000)), saw
        return one

    def gateway_of(self, one: client.Client):
        """The gateway that accepted a client, and the address that it logged."""
        ((node, line),) = [
            (node, line) for node in self.fleet.gateways for line in node.events("accept", run=one.saw.name)
        ]
        return node, line.get("peer")

    async def spread(self, gateways: int) -> list[client.Client]:
        """Sessions one after the other until so many gateways were used."""
        used, found = set(), []
        while len(used) < gateways:
            one = await self.served()
            found.append(one)
            used.add(self.gateway_of(one)[0].name)
            await one.finish()
            assert len(found) < 50, f"only {used} in {len(found)} sessions"
        return found

    async def served_in_a_row(self, within: float) -> int | None:
        """How many clients were refused before IN_A_ROW in a row were served; None if that took too long."""
        refused, row, until = 0, 0, clock.now() + within
        while row < IN_A_ROW:
            if clock.now() > until:
                return None
            saw = await client.session(self.visitor(), hold=0.0)
            assert saw.status == 101 or saw.status in (502, 503), saw
            row, refused = (row + 1, refused) if saw.status == 101 else (0, refused + 1)
        return refused


async def silent(front: Front) -> str:
    """A client waits in silence until a slot is free; its answer and its session pass as ever."""
    holders = [await front.served() for _ in range(SLOTS)]
    waiting = front.visitor("/cdp?wait=300s")
    await waiting.open()
    await front.fleet.queued(waiting.saw.name)
    answer = asyncio.create_task(waiting.answer(600))
    done, _ = await asyncio.wait((answer,), timeout=SILENT_SECONDS)
    cut = bool(done)
    await asyncio.gather(*(holder.finish() for holder in holders))
    saw = await answer
    passes = not cut and saw.status == 101 and await waiting.echo()
    await waiting.finish()
    return "yes" if passes else f"no: {saw}"


async def refusals(front: Front) -> str:
    """The words of a refusal, as a client at the gateway itself reads them."""
    direct = client.make("direct", front.fleet.gateways[0].port, path="/cdp?wait=soon")
    await direct.open()
    one = front.visitor("/cdp?wait=soon")
    await one.open()
    want, got = await direct.answer(), await one.answer()
    header = "x-playwright-debug-log"
    same = (want.status, want.body, want.headers[header]) == (got.status, got.body, got.headers.get(header))
    return "yes" if same and got.code == "bad_request" else f"no: {got}"


async def address(front: Front) -> str:
    one = await front.served(**{"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6"})
    peer = front.gateway_of(one)[1]
    await one.finish()
    return "yes" if peer == CLIENT else f"no: {peer}"


async def discovery(front: Front) -> str:
    async def url() -> str:
        answer = await raw(front.port, DISCOVERY.format(front.port).encode())
        return json.loads(json_of(answer)).get("webSocketDebuggerUrl", "")

    # The gateways hear of the fleet's pools every 2 s.
    found = await eventually(url, 20, "discovery names the CDP pool")
    return "yes" if found == f"ws://127.0.0.1:{front.port}/cdp" else f"no: {found}"


def json_of(answer: bytes) -> str:
    """The JSON object of an answer, whatever framing the proxy gave it."""
    text = answer.partition(b"\r\n\r\n")[2].decode()
    return text[text.index("{") : text.rindex("}") + 1]


async def drain(front: Front, said: str) -> str:
    """When clients stop reaching a gateway that drains. Its session goes on, and it exits with 0 after it."""
    await front.spread(2)
    holders = [await front.served() for _ in range(SLOTS - 1)]
    held = {node: [one for one in holders if front.gateway_of(one)[0] is node] for node in front.fleet.gateways}
    # The gateway with fewer sessions, which a proxy that counts them prefers.
    gateway = min(held, key=lambda one: len(held[one]))
    assert held[gateway], "all sessions are at one gateway"
    gateway.signal(signal.SIGTERM)
    await gateway.wait_for("draining", timeout=20)
    refused = await front.served_in_a_row(NOTICED_SECONDS)
    assert all([await holder.echo() for holder in holders]) and gateway.alive
    await asyncio.gather(*(holder.finish() for holder in held[gateway]))
    assert await gateway.exit(60) == 0
    assert await front.served_in_a_row(60) is not None
    await asyncio.gather(*(holder.finish() for holder in holders if holder not in held[gateway]))
    # By luck, a proxy with checks may send nobody to that gateway before the next one.
    noticed = "at once" if not refused and said == "at once" else "at the next check"
    return "at its exit" if refused is None else noticed


@pytest.mark.parametrize("kind", balancers.KINDS, ids=lambda kind: kind.name)
async def test_a_proxy_in_front_does_what_the_table_says(folder, kind):
    if not balancers.program(kind):
        pytest.skip(f"needs {kind.program}: scripts/setup proxies")
    async with Fleet(folder) as fleet:
        front = await Front(fleet, folder, kind).start()
        said = balancers.row(kind.name)
        await (await front.served()).finish()
        found = {
            "WebSocket": "yes",
            "refusals": await refusals(front),
            f"silent for {SILENT_SECONDS} s": await silent(front),
            "address": await address(front),
            "discovery": await discovery(front),
            "gateway drains": await drain(front, said["gateway drains"]),
        }
        print(kind.name, found)
        assert found == {column: text for column, text in said.items() if column in found}
        assert await fleet.audit() == []
