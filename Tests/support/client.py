"""A client with nothing in it: an upgrade head written by hand, a WebSocket frame echoed, an end of one's choice."""

import asyncio
import base64
import json
import os
import struct
from dataclasses import dataclass, field

from . import clock
from .path_proxy import reset

HEAD_BYTES_MAX = 1 << 17


@dataclass
class Saw:
    """What one client saw: a record of the ledger."""

    name: str
    tenant: str
    path: str
    began: float = 0.0
    answered: float | None = None
    finished: float | None = None
    status: int | None = None
    headers: dict = field(default_factory=dict)
    body: str = ""
    echoed: int = 0
    left: bool = False
    error: str = ""

    @property
    def served(self) -> bool:
        return self.status == 101 and self.echoed > 0 and not self.error

    @property
    def code(self) -> str:
        try:
            return json.loads(self.body)["error"]["code"]
        except (ValueError, KeyError, TypeError):
            return ""

    @property
    def message(self) -> str:
        try:
            return json.loads(self.body)["error"]["message"]
        except (ValueError, KeyError, TypeError):
            return ""


def upgrade_head(path: str, host: str, headers: dict) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: Upgrade", "Upgrade: websocket"]
    lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def frame(payload: bytes, opcode=2) -> bytes:
    """A masked client frame."""
    size, mask = len(payload), os.urandom(4)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return head + mask + (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")


async def read_frame(reader) -> tuple[int, bytes]:
    first, second = await reader.readexactly(2)
    size = second & 127
    if size == 126:
        (size,) = struct.unpack("!H", await reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", await reader.readexactly(8))
    return first & 15, await reader.readexactly(size)


class Client:
    """One connection. `open` sends the head, `answer` awaits 101 or the refusal; both may be left out of order."""

    def __init__(self, saw: Saw, port: int, headers: dict):
        self.saw = saw
        self.port = port
        self.headers = headers
        # The address that it connects from.
        self.source: str | None = None
        self.reader = self.writer = None

    async def open(self):
        self.saw.began = clock.now()
        source = (self.source, 0) if self.source else None
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.port, limit=HEAD_BYTES_MAX, local_addr=source
        )
        self.writer.write(upgrade_head(self.saw.path, f"127.0.0.1:{self.port}", self.headers))
        return self

    async def answer(self, timeout=60.0) -> Saw:
        """Awaits the answer; a connection that ends without one is an `error`, never an exception."""
        saw = self.saw
        try:
            async with asyncio.timeout(timeout):
                head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                saw.answered = clock.now()
                saw.status = int(head[0].split(" ")[1])
                for line in filter(None, head[1:]):
                    name, _, value = line.partition(":")
                    saw.headers[name.strip().lower()] = value.strip()
                if saw.status != 101:
                    saw.body = (await self.reader.read(1 << 20)).decode("utf-8", "replace")
                    saw.finished = clock.now()
                    self.writer.close()
        except (OSError, EOFError, TimeoutError) as error:
            self._failed(error)
        return saw

    async def echo(self, payload: bytes | None = None, timeout=20.0) -> bool:
        """Sends a frame and compares what comes back, byte for byte."""
        payload = os.urandom(32) if payload is None else payload
        try:
            async with asyncio.timeout(timeout):
                self.writer.write(frame(payload))
                await self.writer.drain()
                opcode, back = await read_frame(self.reader)
                # The gateway pings a quiet client, and the answer to the worker's ping of a quiet sidecar is passed on.
                while opcode in (9, 10):
                    if opcode == 9:
                        self.writer.write(frame(back, opcode=10))
                    opcode, back = await read_frame(self.reader)
        except (OSError, EOFError, TimeoutError) as error:
            self._failed(error)
            return False
        if opcode == 8:
            self._failed(ConnectionError(f"closed: {back[2:].decode('utf-8', 'replace')}"))
            return False
        if back != payload:
            self._failed(ValueError(f"echo of {len(payload)} bytes came back as {len(back)} others: {back[:40]!r}"))
            return False
        self.saw.echoed += len(payload)
        return True

    async def closed_by_peer(self, timeout=20.0) -> str:
        """Awaits the end from the other side: `closed: reason`, `end` or `reset`."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    opcode, payload = await read_frame(self.reader)
                    if opcode == 8:
                        return f"closed: {payload[2:].decode('utf-8', 'replace')}"
        except asyncio.IncompleteReadError:
            return "end"
        except OSError:
            return "reset"

    async def finish(self):
        """A proper close handshake."""
        try:
            self.writer.write(frame(struct.pack("!H", 1000), opcode=8))
            async with asyncio.timeout(5):
                while await self.reader.read(65536):
                    pass
        except (OSError, TimeoutError):
            pass
        self.leave()

    def leave(self, how="fin"):
        """`fin` closes, `rst` resets, `silent` does nothing at all."""
        self.saw.left = True
        if self.saw.finished is None:
            self.saw.finished = clock.now()
        if how == "rst":
            reset(self.writer)
        elif how == "fin":
            self.writer.close()

    def _failed(self, error):
        self.saw.error = self.saw.error or f"{type(error).__name__}: {error}"
        self.saw.finished = self.saw.finished or clock.now()
        if self.writer is not None:
            self.writer.close()


def make(name, port, *, tenant="default", path="/pool/*", headers=None) -> Client:
    """A client whose `run` is its name, by which gateway logs are told apart."""
    own = {"x-berth-tenant": tenant, "x-berth-run": name, **(headers or {})}
    return Client(Saw(name, tenant, path), port, {k: v for k, v in own.items() if v is not None})


async def session(client: Client, *, hold=0.05, echoes=2, answer_timeout=60.0) -> Saw:
    """A whole life: wait, echo, hold the slot for `hold` seconds, echo, close."""
    try:
        await client.open()
    except OSError as error:
        client._failed(error)
        return client.saw
    saw = await client.answer(answer_timeout)
    if saw.status != 101:
        return saw
    for round in range(echoes):
        if round:
            await asyncio.sleep(hold / (echoes - 1))
        if not await client.echo():
            return saw
    await client.finish()
    return saw


async def raw(port: int, data: bytes, timeout=15.0) -> bytes:
    """Sends bytes as they are and reads until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    out = b""
    try:
        writer.write(data)
        async with asyncio.timeout(timeout):
            while more := await reader.read(65536):
                out += more
    except OSError:
        pass
    finally:
        writer.close()
    return out
