"""The admin listener as a browser sees it: the live page with its Content-Security-Policy, `/events`, and the actions.

For the cases that a real gateway cannot be brought into within a test. It follows the same contract. As a program it
serves a made-up fleet: `python -m support.admin_mock` in `Tests`.
"""

import asyncio
import base64
import copy
import hashlib
import json
import os
import re

from aiohttp import web

from .fleet import ROOT
from .fleet_view import Scene, difference

PAGE = os.path.join(ROOT, "Sources", "Admin", "Page", "page.html")


def policy(page: str) -> str:
    """The policy allows one script and one style, by their hashes."""
    digests = {}
    for tag in ["script", "style"]:
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digests[tag] = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digests['script']}'; style-src 'sha256-{digests['style']}'; "
        "connect-src 'self'; img-src data:"
    )


class AdminMock:
    """`state` is what the listener says. Each tick lets time pass, for the rows of `state` too."""

    def __init__(self, state: dict, *, token: str | None = None, tick_seconds=1.0):
        self.state = copy.deepcopy(state)
        self.token = token
        self.tick_seconds = tick_seconds
        self.passed_ms = 0
        # Cleared: connections are taken, and nothing is said.
        self.speaks = asyncio.Event()
        self.speaks.set()
        # What was asked for: method, path, `x-berth-admin`. And the answers other than 204: path → (status, body).
        self.actions: list[tuple[str, str, str | None]] = []
        self.answers: dict[str, tuple[int, dict]] = {}
        self.streams: dict[web.StreamResponse, web.Request] = {}
        self.opened = 0
        self.port = 0
        self._runner = None
        self._site = None
        self._ticks = None

    async def __aenter__(self):
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/", self._page)
        app.router.add_get("/events", self._events)
        app.router.add_route("*", "/api/v1/{rest:.*}", self._action)
        self._runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True)
        await self._runner.setup()
        await self.listen()
        self._ticks = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_):
        self._ticks.cancel()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def listen(self):
        """Listens, at the port of before if there was one."""
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await self._site.start()
        self.port = self._runner.addresses[0][1]

    async def go_away(self):
        """Nothing listens any more, and the streams end."""
        await self._site.stop()
        for request in list(self.streams.values()):
            if request.transport:
                request.transport.close()

    async def send(self, event: str, data: dict):
        text = f"event: {event}\ndata: {json.dumps(data)}\n\n".encode()
        for stream in list(self.streams):
            try:
                await stream.write(text)
            except ConnectionError:
                self.streams.pop(stream, None)

    async def become(self, state: dict):
        """Sends what differs."""
        change = difference(self.state, state)
        self.state = copy.deepcopy(state)
        event = "change" if change else "tick"
        await self.send(event, (change or {}) | {"at": state["at"] + self.passed_ms})

    async def _tick(self):
        """The listener's pace: an event at least so often."""
        while True:
            await asyncio.sleep(self.tick_seconds)
            if self.speaks.is_set():
                self.passed_ms += int(1_000 * self.tick_seconds)
                await self.send("tick", {"at": self.state["at"] + self.passed_ms})

    @web.middleware
    async def _guard(self, request, handler):
        if self.token:
            wanted = base64.b64encode(f"berth:{self.token}".encode()).decode()
            if request.headers.get("Authorization") != f"Basic {wanted}":
                return web.json_response(
                    {"error": {"code": "unauthorized", "message": "A token is needed"}}, status=401,
                    headers={"WWW-Authenticate": 'Basic realm="berth"'})
        return await handler(request)

    async def _page(self, _):
        with open(PAGE, encoding="utf-8") as file:
            page = file.read()
        return web.Response(text=page, content_type="text/html", charset="utf-8",
                            headers={"Content-Security-Policy": policy(page)})

    async def _events(self, request):
        self.opened += 1
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await stream.prepare(request)
        await self.speaks.wait()
        state = self.state | {"at": self.state["at"] + self.passed_ms}
        await stream.write(f"event: state\ndata: {json.dumps(state)}\n\n".encode())
        self.streams[stream] = request
        try:
            # Until the browser closes the connection: then aiohttp cancels this.
            await asyncio.Event().wait()
        finally:
            self.streams.pop(stream, None)

    async def _action(self, request):
        self.actions.append((request.method, request.raw_path, request.headers.get("x-berth-admin")))
        status, body = self.answers.get(request.raw_path, (204, None))
        return web.json_response(body, status=status) if body else web.Response(status=status)


async def serve():
    """For a person at a browser: the made-up fleet changes once a second."""
    scene = Scene(waiters=128)
    async with AdminMock(scene.state, tick_seconds=3_600) as mock:
        print(mock.url, flush=True)
        while True:
            await asyncio.sleep(1)
            await mock.become(scene.step())


if __name__ == "__main__":
    asyncio.run(serve())
