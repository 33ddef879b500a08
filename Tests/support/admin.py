"""A client of the admin listener: requests, metrics as numbers, and the events of the live page."""

import asyncio
import json
import re

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")


class Answer:
    def __init__(self, status: int, headers: dict[str, str], body: str):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return self.json["error"]["code"]


async def port_of(node) -> int:
    """The admin port of a gateway or a worker, from its log."""
    return int((await node.wait_for("admin", timeout=15)).get("address").rpartition(":")[2])


async def _open(port: int, method: str, path: str, headers: dict[str, str], body: str):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    fields = {"Host": f"127.0.0.1:{port}", **headers}
    if body or method in ("POST", "PUT"):
        fields["Content-Length"] = str(len(body.encode()))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n{body}".encode())
    status, _, rest = (await reader.readuntil(b"\r\n\r\n")).decode().partition("\r\n")
    found = dict(line.split(": ", 1) for line in rest.strip().split("\r\n"))
    return reader, writer, int(status.split()[1]), {name.lower(): value for name, value in found.items()}


async def ask(node, path: str, *, method="GET", headers=None, body="", port=None) -> Answer:
    port = port or await port_of(node)
    async with asyncio.timeout(15):
        reader, writer, status, found = await _open(port, method, path, headers or {}, body)
        text = (await reader.read()).decode()
        writer.close()
    return Answer(status, found, text)


async def order(node, path: str, *, method="POST", body="", **headers) -> Answer:
    return await ask(node, path, method=method, headers={"x-berth-admin": "1", **headers}, body=body)


async def metrics(node, **options) -> dict[str, float]:
    """The samples by name and labels, as they are written."""
    answer = await ask(node, "/metrics", **options)
    assert answer.status == 200, answer.body
    found = {}
    for line in answer.body.splitlines():
        if not line.startswith("#"):
            match = SAMPLE.match(line)
            assert match, line
            found[f"{match[1]}{{{match[2]}}}" if match[2] else match[1]] = float(match[3])
    return found


class Events:
    """A reader of GET /events that keeps the state as the page does."""

    LISTS = {"pools": "pool", "tenants": "tenant", "workers": "id", "line": "id"}

    def __init__(self):
        self.names: list[str] = []
        self.head: dict = {}
        self.rows: dict[str, dict] = {}
        self.order: list[str] = []
        self.recent: list[dict] = []
        self.trouble = ""
        self.bytes = 0

    async def open(self, node, **headers) -> "Events":
        port = await port_of(node)
        self._reader, self._writer, status, found = await _open(port, "GET", "/events", headers, "")
        assert status == 200 and found["content-type"] == "text/event-stream", (status, found)
        return self

    def close(self):
        self._writer.close()

    async def next(self, timeout=15) -> str:
        """Reads one event, and returns its name."""
        async with asyncio.timeout(timeout):
            text = (await self._reader.readuntil(b"\n\n")).decode()
        self.bytes += len(text)
        name, data = text.strip().split("\n")
        name, data = name.removeprefix("event: "), json.loads(data.removeprefix("data: "))
        self.names.append(name)
        if name == "state":
            self.head, self.recent = data["head"], data["recent"]
            self.rows = {kind: {row[key]: row for row in data[kind]} for kind, key in Events.LISTS.items()}
            self.order = [row["id"] for row in data["line"]]
        elif name == "change":
            self.head.update(data.get("head", {}))
            self.recent += data.get("recent", {}).get("add", [])
            for kind, key in Events.LISTS.items():
                change = data.get(kind, {})
                self.rows[kind].update({row[key]: row for row in change.get("set", [])})
                for gone in change.get("gone", []):
                    del self.rows[kind][gone]
            self.order = data.get("line", {}).get("order", self.order)
            assert set(self.order) == set(self.rows["line"])
        elif name == "trouble":
            self.trouble = data["words"]
        return name

    async def until(self, condition, what: str, within=20.0):
        """Reads events until the condition holds."""
        async with asyncio.timeout(within):
            while not condition(self):
                await self.next()
        assert condition(self), what
        return self
