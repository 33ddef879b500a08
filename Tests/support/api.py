"""Requests of the gateway's API, and the URLs that it returns."""

import asyncio
import json
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from . import client


@dataclass
class Answer:
    status: int
    body: dict | None = None
    headers: dict = field(default_factory=dict)

    @property
    def code(self) -> str:
        return (self.body or {}).get("error", {}).get("code", "")

    @property
    def message(self) -> str:
        return (self.body or {}).get("error", {}).get("message", "")


class Request:
    """A request on a connection of its own. `answer` reads to the end of the connection."""

    def __init__(self, port: int, method: str, path: str, body: dict | None, headers: dict):
        self.port = port
        data = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *(f"{k}: {v}" for k, v in headers.items())]
        lines += [] if body is None else [f"Content-Length: {len(data)}"]
        self.bytes = ("\r\n".join(lines) + "\r\n\r\n").encode() + data
        self.reader = self.writer = None

    async def send(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(self.bytes)
        return self

    async def answer(self, timeout=20.0) -> Answer:
        async with asyncio.timeout(timeout):
            data = await self.reader.read(1 << 20)
            while more := await self.reader.read(1 << 20):
                data += more
        self.writer.close()
        return read(data)


def read(data: bytes) -> Answer:
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(first.split(" ")[1]), json.loads(rest) if rest else None, headers)


class API:
    """The API of one gateway, as one tenant uses it."""

    def __init__(self, port: int, key: str | None = None, tenant: str | None = None):
        self.port = port
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.headers |= {"x-berth-tenant": tenant} if tenant else {}

    async def begin(self, method: str, path: str, body: dict | None = None) -> Request:
        return await Request(self.port, method, path, body, self.headers).send()

    async def call(self, method: str, path: str, body: dict | None = None, timeout=20.0) -> Answer:
        return await (await self.begin(method, path, body)).answer(timeout)

    async def borrow(self, **options) -> Answer:
        return await self.call("POST", "/v1/sessions", options)


async def connect(url: str, *, port: int | None = None, headers: dict | None = None, name="attached") -> client.Client:
    """A WebSocket client of a session's URL, at another gateway if `port` is given."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    saw = client.Saw(name, "", path)
    return await client.Client(saw, port or parts.port, headers or {}).open()
