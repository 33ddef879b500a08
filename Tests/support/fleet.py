"""A fleet under test: one private Redis, any gateways and workers, all real processes of the built binaries."""

import asyncio
import json
import os
import re
import sys

from . import client, clock
from .ledger import Ledger
from .path_proxy import PathProxy
from .process import Line, Process, run
from .redis_server import RedisServer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def binary(name: str) -> str:
    """The path of `berth` or `loadtest`: BERTH_BIN, LOADTEST_BIN, else the debug build."""
    path = os.environ.get(f"{name.upper()}_BIN") or os.path.join(ROOT, ".build", "debug", name)
    assert os.access(path, os.X_OK), f"no {path}: build first (make build), or set {name.upper()}_BIN"
    return path


async def eventually(condition, within: float, what: str, every=0.05):
    """Asks again and again until `condition` (plain or async) is true; fails after `within` seconds."""
    until = clock.now() + within
    while True:
        value = condition()
        value = await value if asyncio.iscoroutine(value) else value
        if value:
            return value
        assert clock.now() < until, f"not within {within} s: {what}"
        await asyncio.sleep(every)


async def _is_empty(rows) -> bool:
    return not await rows


def free_slots(status: dict) -> int:
    """Free slots of workers that were probed, from `berth status --json`."""
    workers = [worker for worker in status["workers"] if worker["state"] == "ok" and not worker["draining"]]
    return sum(slot["state"] == "free" for worker in workers for slot in worker["slots"])


def tenants_yaml(tenants: dict[str, dict]) -> str:
    """berth.yaml for tenants: `{"acme": {"cap": 2, "key": "…"}}`."""
    lines = ["tenants:"]
    for name, values in tenants.items():
        lines.append(f"  {name}:")
        lines += [f"    {key}: {json.dumps(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


class Node(Process):
    """A gateway or a worker; `port` is what it listens on."""

    port = 0
    generation = 0


class Fleet:
    def __init__(self, folder: str, *, tenants=None, persist=False):
        self.folder = folder
        self.redis = RedisServer(folder, persist=persist)
        self.secret = os.path.join(folder, "secret")
        self.config = os.path.join(folder, "berth.yaml")
        self.tenants = tenants or {}
        self.nodes: list[Node] = []
        self.gateways: list[Node] = []
        self.workers: list[Node] = []
        self.saws: list[client.Saw] = []
        self.other: list = []
        self._count = 0

    async def __aenter__(self):
        with open(self.secret, "w", encoding="ascii") as file:
            file.write("0123456789abcdef0123456789abcdef\n")
        os.chmod(self.secret, 0o600)
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(tenants_yaml(self.tenants))
        try:
            await self.redis.start()
        except BaseException:
            await self.redis.dispose()
            raise
        return self

    async def __aexit__(self, *_):
        for node in self.nodes:
            await node.dispose()
        for thing in self.other:
            await thing.dispose()
        await self.redis.dispose()

    def keep(self, thing):
        """Something else to be disposed of at the end (a proxy)."""
        self.other.append(thing)
        return thing

    async def _node(self, kind, name, arguments, *, env=None, open_files=None, inside=()) -> Node:
        self._count += 1
        argv = [*inside, binary("berth"), kind, *arguments, "--node-id", name, "--fleet", "test"]
        if "--admin-listen" not in argv:
            argv += ["--admin-listen", "127.0.0.1:0"]
        node = await Node.start(f"{name}-{self._count}", argv, self.folder, env=env, open_files=open_files)
        node.node_id = name
        node.kind = kind
        self.nodes.append(node)
        return node

    async def gateway(self, name=None, *, redis=None, listen=0, open_files=None, more=(), wait=True) -> Node:
        name = name or f"g{len(self.gateways) + 1}"
        arguments = ["--listen", f"127.0.0.1:{listen}", "--redis", redis or self.redis.url]
        arguments += ["--node-secret-file", self.secret, *more]
        if self.tenants:
            arguments += ["--config", self.config]
        node = await self._node("gateway", name, arguments, open_files=open_files)
        self.gateways.append(node)
        if wait:
            await self.ready(node)
        return node

    async def worker(
        self, pools, name=None, *, redis=None, host="127.0.0.1", listen=0, advertise=None, command=None, kind="command",
        more=(), wait=True, env=None, inside=(),
    ) -> Node:
        """A worker with sidecars of one kind; `pools` is label → slots. `inside`: the command that runs it."""
        name = name or f"w{len(self.workers) + 1}"
        arguments = ["--listen", f"{host}:{listen}", "--redis", redis or self.redis.url]
        arguments += ["--node-secret-file", self.secret]
        arguments += ["--kind", kind]
        if kind == "command":
            arguments += ["--command", command or f"{binary('loadtest')} echo"]
        for label, slots in pools.items():
            arguments += ["--pool", f"{label}={slots}"]
        if advertise:
            arguments += ["--advertise", advertise]
        node = await self._node("worker", name, [*arguments, *more], env=env, inside=inside)
        node.pools = dict(pools)
        self.workers.append(node)
        if wait:
            await self.ready(node)
        return node

    async def ready(self, node: Node) -> Node:
        line = await node.wait_for("listening", timeout=15)
        node.port = int(line.get("address").rpartition(":")[2])
        await node.wait_for("registered", timeout=60)
        return node

    async def restart(self, node: Node, *, same_port=True, how="kill") -> Node:
        """The same node id and command line again, as a new process."""
        await (node.kill() if how == "kill" else node.terminate())
        await node.dispose()
        argv = list(node.argv)
        if same_port:
            argv[argv.index("--listen") + 1] = f"127.0.0.1:{node.port}"
        self._count += 1
        again = await Node.start(f"{node.node_id}-{self._count}", argv, self.folder)
        again.node_id, again.kind = node.node_id, node.kind
        again.pools = getattr(node, "pools", {})
        self.nodes.append(again)
        group = self.gateways if node.kind == "gateway" else self.workers
        group[group.index(node)] = again
        return await self.ready(again)

    async def grantable(self, slots: int, timeout=10.0):
        """Awaits that Redis counts so many free slots (their workers probed, their sidecars up)."""

        async def enough():
            return free_slots(await self.status()) >= slots

        await eventually(enough, timeout, f"{slots} free slots")

    def client(self, name, gateway=None, **options) -> client.Client:
        one = client.make(name, (gateway or self.gateways[0]).port, **options)
        self.saws.append(one.saw)
        return one

    async def victim(self, name, gateway=None, *, tenant="default", path="/pool/*") -> Process:
        """A client in a process of its own."""
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "victim.py")
        port = str((gateway or self.gateways[0]).port)
        argv = [sys.executable, "-I", "-S", script, port, path, tenant, name]
        process = await Process.start(name, argv, self.folder)
        self.other.append(process)
        return process

    async def tool(self, *arguments, timeout=20.0) -> Process:
        self._count += 1
        return await run(f"{arguments[0]}-{self._count}", [binary("berth"), *arguments], self.folder, timeout=timeout)

    async def audit(self) -> list[str]:
        """Findings of `berth audit`; empty when it is clean."""
        process = await self.tool("audit", "--redis", self.redis.url, "--fleet", "test")
        return [] if process.code == 0 else [f"audit exits {process.code}: {process.output[-2000:]}"]

    async def status(self) -> dict:
        process = await self.tool("status", "--json", "--redis", self.redis.url, "--fleet", "test")
        assert process.code == 0, process.output
        return json.loads(process.output)

    def lines(self, event=None, **want) -> list[Line]:
        """Log lines of all gateways and workers there ever were, in order of time."""
        out = [line for node in self.nodes for line in node.events(event, **want)]
        return sorted(out, key=lambda line: line.at)

    async def wait_for(self, event, *, timeout=10.0, **want) -> Line:
        """The first such line of any node that now lives."""
        for line in self.lines(event, **want):
            return line
        tasks = [
            asyncio.create_task(node.wait_for(event, timeout=timeout, **want)) for node in self.nodes if node.alive
        ]
        try:
            while tasks:
                done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    if task.exception() is None:
                        return task.result()
                tasks = list(rest)
        finally:
            for task in tasks:
                task.cancel()
        raise AssertionError(f"no {event} {want} in {timeout} s")

    def ledger(self) -> Ledger:
        gateways = [line for node in self.nodes if node.kind == "gateway" for line in node.lines]
        workers = [line for node in self.nodes if node.kind == "worker" for line in node.lines]
        deaths = {node.name: node.died for node in self.nodes if node.died is not None}
        return Ledger.read(self.saws, gateways, workers, deaths)

    async def queued(self, name: str, timeout=10.0) -> Line:
        """Awaits that the client of that name stands in the queue: its gateway logged a ticket."""
        accept = await self.wait_for("accept", run=name, timeout=timeout)
        waiter = accept.get("waiter")
        return await self.wait_for(None, waiter=waiter, ticket=lambda value: value is not None, timeout=timeout)

    async def behind_proxy(self, pools, **options):
        """A worker that is reached through a `PathProxy` only: (worker, proxy)."""
        proxy = self.keep(await PathProxy().start())
        worker = await self.worker(pools, advertise=proxy.address, wait=False, **options)
        listening = await worker.wait_for("listening")
        proxy.target = ("127.0.0.1", int(listening.get("address").rpartition(":")[2]))
        return await self.ready(worker), proxy

    async def nothing_held(self, *, within: float):
        """Awaits that Redis has no waiter in line and no lease any more; tells what is left where it does not."""

        async def left():
            keys = [key for key in await self.redis.keys() if key.endswith(":line") or key.endswith(":held")]
            return {key: await self.redis.members(key) for key in keys}

        try:
            await eventually(lambda: _is_empty(left()), within, "no waiter and no lease is left")
        except AssertionError as late:
            told_of = re.compile(r":(waiter|slot|gateway|worker):|state$|todo$")
            rows = [key for key in await self.redis.keys() if told_of.search(key)]
            told = [f"{key} {await self.redis.members(key)}" for key in rows]
            raise AssertionError("\n".join([str(late), str(await left()), *told])) from late

    async def all_usable(self, slots: int, *, within: float, gateway=None, path="/pool/*", label="usable") -> float:
        """Occupies `slots` slots at once, each by an echo, then lets all go. Returns how long it took, in seconds."""
        began = clock.now()
        clients = [
            client.make(f"{label}-{i}", (gateway or self.gateways[0]).port, tenant="usable", path=path)
            for i in range(slots)
        ]
        for one in clients:
            await one.open()
        await asyncio.gather(*(one.answer(timeout=within) for one in clients))
        took = clock.now() - began
        refused = [f"{one.saw.status} {one.saw.body or one.saw.error}" for one in clients if one.saw.status != 101]
        assert not refused, f"{len(refused)} of {slots} slots not usable in {within} s: {refused[:3]}"
        echoed = await asyncio.gather(*(one.echo() for one in clients))
        assert all(echoed), [one.saw.error for one in clients if one.saw.error]
        await asyncio.gather(*(one.finish() for one in clients))
        return took
