"""A proxy before a worker, in whose place it is dialled: silent, resetting, gone."""

import asyncio
import socket
import struct

from . import clock


class PathProxy:
    """`mode`: `pass`, `silent` (accepts, says nothing), `reset`, `hold` (passes once `release()` was called).

    `tries` holds the time and the mode of each connection."""

    def __init__(self):
        self.mode = "pass"
        self.target: tuple[str, int] | None = None
        self.tries: list[tuple[float, str]] = []
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
        mode = self.mode
        self.tries.append((clock.now(), mode))
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
