"""A proxy before a worker, whose advertised address it is: silent, resetting, gone, or reachable by some only."""

import asyncio
import os
import socket
import struct

from . import clock


class PathProxy:
    """`mode`: `pass`, `silent` (accepts, says nothing), `reset`, `hold` (passes once `release()` was called).

    Connections of the pids in `blocked` are treated by `blocked_mode`. `tries`: time, such a pid, mode of each."""

    def __init__(self):
        self.mode = "pass"
        self.blocked: set[int] = set()
        self.blocked_mode = "reset"
        self.target: tuple[str, int] | None = None
        self.tries: list[tuple[float, int | None, str]] = []
        self._server = None
        self._held: set = set()
        self._released = asyncio.Event()

    async def start(self, port=0):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port, backlog=4096)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def release(self):
        """Passes what was held, and everything from now on."""
        self.mode = "pass"
        self._released.set()

    def gone(self):
        """Nobody listens any more: connections are refused by the kernel."""
        self._server.close()

    async def dispose(self):
        if self._server is not None:
            self._server.close()
        for writer in list(self._held):
            writer.transport.abort()

    async def _accept(self, reader, writer):
        peer = writer.get_extra_info("peername")
        pid = owner_of(peer[1], self.port, self.blocked) if self.blocked else None
        mode = self.blocked_mode if pid is not None else self.mode
        self.tries.append((clock.now(), pid, mode))
        self._held.add(writer)
        try:
            if mode == "reset":
                reset(writer)
            elif mode == "silent":
                while await reader.read(65536):
                    pass
            else:
                if mode == "hold":
                    await self._released.wait()
                await self._pass(reader, writer)
        except OSError:
            pass
        finally:
            self._held.discard(writer)
            writer.close()

    async def _pass(self, reader, writer):
        upstream_reader, upstream = await asyncio.open_connection(*self.target)
        self._held.add(upstream)

        async def copy(source, sink):
            try:
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
                sink.write_eof()
            except OSError:
                reset(sink)

        try:
            await asyncio.gather(copy(reader, upstream), copy(upstream_reader, writer))
        finally:
            self._held.discard(upstream)
            upstream.close()


def reset(writer):
    """Closes with RST."""
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def owner_of(local_port: int, remote_port: int, pids: set[int]) -> int | None:
    """Which of these processes owns the loopback TCP socket with that local and remote port."""
    inode = None
    with open("/proc/net/tcp", encoding="ascii") as table:
        next(table)
        for row in table:
            f = row.split()
            if int(f[1].split(":")[1], 16) == local_port and int(f[2].split(":")[1], 16) == remote_port:
                inode = f[9]
    for pid in pids:
        try:
            for name in os.listdir(f"/proc/{pid}/fd"):
                if os.readlink(f"/proc/{pid}/fd/{name}") == f"socket:[{inode}]":
                    return pid
        except OSError:
            continue
    return None
