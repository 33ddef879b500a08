"""A proxy before Redis, on a unix socket: drops pub/sub messages, rewrites addresses, cuts, stalls, loses replies."""

import asyncio
import os
import re

from . import resp


class RedisProxy:
    """`drop_messages`: pushes of `message` are swallowed. `stall()`: bytes wait. `cut()`: all closed, none accepted.

    `lose`: a request that matches reaches Redis, and its connection ends in place of a reply; `lost` counts them.
    `addresses`: what stands for what in replies, of equal lengths; so one gateway finds a worker at another place."""

    def __init__(self, folder: str, target: str, name="proxy"):
        self.path = os.path.join(folder, f"{name}.sock")
        self.target = target
        self.drop_messages = False
        self.addresses: dict[bytes, bytes] = {}
        self.lose: re.Pattern | None = None
        self.lost = 0
        self.dropped = 0
        self.passed = 0
        self._open = asyncio.Event()
        self._open.set()
        self._server = None
        self._writers: set = set()

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    async def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self._server = await asyncio.start_unix_server(self._accept, self.path, limit=1 << 20)
        return self

    def cut(self):
        """Closes every connection and refuses new ones until `start` is called again."""
        self._server.close()
        if os.path.exists(self.path):
            os.unlink(self.path)
        for writer in list(self._writers):
            writer.transport.abort()

    def stall(self):
        self._open.clear()

    def resume(self):
        self._open.set()

    async def dispose(self):
        self.resume()
        self.cut()

    async def _accept(self, reader, writer):
        try:
            upstream_reader, upstream = await asyncio.open_unix_connection(self.target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, upstream}
        loses = asyncio.Event()
        try:
            await asyncio.wait(
                [
                    asyncio.create_task(self._copy(reader, upstream, loses)),
                    asyncio.create_task(self._copy_replies(upstream_reader, writer, loses)),
                ]
            )
        finally:
            self._writers -= {writer, upstream}

    async def _copy(self, reader, writer, loses):
        try:
            while data := await reader.read(65536):
                await self._open.wait()
                if self.lose and self.lose.search(data):
                    loses.set()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.transport.abort()

    async def _copy_replies(self, reader, writer, loses):
        buffer = b""
        try:
            while data := await reader.read(65536):
                await self._open.wait()
                if loses.is_set():
                    self.lost += 1
                    break
                out, buffer = self._filter(buffer + data)
                writer.write(out)
                await writer.drain()
        except OSError:
            pass
        writer.transport.abort()

    def _filter(self, buffer: bytes) -> tuple[bytes, bytes]:
        """Splits what arrived into what goes on and the rest that is not yet a whole reply."""
        out, at = [], 0
        while at < len(buffer):
            try:
                value, end = resp.parse(buffer, at)
            except resp.Incomplete:
                break
            message = isinstance(value, list) and value[:1] == [b"message"] and len(value) == 3
            if message and self.drop_messages:
                self.dropped += 1
            else:
                self.passed += message
                out.append(self._readdressed(buffer[at:end]))
            at = end
        return b"".join(out), buffer[at:]

    def _readdressed(self, reply: bytes) -> bytes:
        for old, new in self.addresses.items():
            assert len(old) == len(new), f"{old!r} and {new!r} differ in length"
            reply = reply.replace(old, new)
        return reply
