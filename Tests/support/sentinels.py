"""Sentinels that watch a primary with replicas: real processes, on ports that were free a moment ago."""

import asyncio
import os
import socket

from . import resp
from .process import Process
from .redis_server import RedisServer


def free_ports(count: int) -> list[int]:
    """Ports for servers that do not say which one they took."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


async def ask(port: int, *words):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(resp.command(*words))
        return await resp.read_reply(reader)
    finally:
        writer.close()


class Sentinels:
    """A primary, a replica and three sentinels, two of which must agree that the primary is down."""

    name = "berth-primary"

    def __init__(self, folder: str):
        self.folder = folder
        ports = free_ports(5)
        self.primary = RedisServer(folder, "primary", port=ports[0])
        self.replica = RedisServer(folder, "replica", port=ports[1])
        self.ports = ports[2:]
        self.processes: list[Process] = []

    def url(self, name=None) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        return f"redis+sentinel://{hosts}/{name or self.name}"

    async def start(self):
        await self.primary.start()
        await self.replica.start("--replicaof", "127.0.0.1", str(self.primary.port))
        for number, port in enumerate(self.ports):
            path = os.path.join(self.folder, f"sentinel-{number}.conf")
            with open(path, "w", encoding="ascii") as file:
                file.write(
                    f"port {port}\nbind 127.0.0.1\ndir {self.folder}\n"
                    f"sentinel monitor {self.name} 127.0.0.1 {self.primary.port} 2\n"
                    f"sentinel down-after-milliseconds {self.name} 1000\n"
                    f"sentinel failover-timeout {self.name} 5000\n"
                )
            self.processes.append(
                await Process.start(f"sentinel-{number}", ["redis-server", path, "--sentinel"], self.folder)
            )
        return self

    async def known(self) -> bool:
        """Each sentinel has met the replica and both others."""
        for port in self.ports:
            try:
                row = await ask(port, "SENTINEL", "master", self.name)
            except OSError:
                return False
            fields = dict(zip(row[::2], row[1::2], strict=True))
            if fields[b"num-slaves"] != b"1" or fields[b"num-other-sentinels"] != b"2":
                return False
        return True

    async def primary_port(self, of=0) -> int:
        return int((await ask(self.ports[of], "SENTINEL", "get-master-addr-by-name", self.name))[1])

    async def dispose(self):
        for process in self.processes:
            await process.dispose()
        await self.replica.dispose()
        await self.primary.dispose()
