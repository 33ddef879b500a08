"""WebSocket libraries at a slot that is taken: how each waits, and what it shows of a refusal."""

import asyncio
import os

import aiohttp
import playwright
import pytest
import websocket
import websockets
from support.fleet import Fleet
from support.process import run

SECONDS_MAX = 60
NODE = os.path.join(os.path.dirname(os.path.abspath(playwright.__file__)), "driver", "node")
NODE_CLIENT = """
const socket = new WebSocket(process.argv[1]);
socket.onopen = () => socket.send('hello');
socket.onmessage = event => { console.log(event.data); socket.close(); };
socket.onclose = event => console.log(event.code, event.reason);
"""


class Taken:
    """A fleet whose only slot has a client."""

    def __init__(self, folder):
        self.fleet = Fleet(folder)

    async def __aenter__(self):
        await self.fleet.__aenter__()
        self.gateway = await self.fleet.gateway()
        await self.fleet.worker({"AppA": 1})
        await self.fleet.grantable(1)
        self.holder = await self.fleet.client("holder").open()
        assert (await self.holder.answer()).status == 101
        return self

    async def __aexit__(self, *_):
        await self.fleet.__aexit__()

    def url(self, query=""):
        return f"ws://127.0.0.1:{self.gateway.port}/pool/AppA/?{query}"

    async def served_after_a_wait(self, echo):
        """`echo` connects and returns the first message that comes back."""
        task = asyncio.create_task(echo)
        await self.fleet.queued("waiting", SECONDS_MAX)
        assert not task.done()
        await self.holder.finish()
        assert await asyncio.wait_for(task, SECONDS_MAX) == "hello"
        await self.fleet.nothing_held(within=10)


async def test_websockets(folder):
    async with Taken(folder) as taken:
        with pytest.raises(websockets.InvalidStatus, match="HTTP 429") as refused:
            await websockets.connect(taken.url("wait=0"))
        assert b"wait=0 was asked" in refused.value.response.body
        # Without an option its wait is shorter than its own 10 s, so that it still reads why.
        with pytest.raises(websockets.InvalidStatus, match="HTTP 503") as refused:
            await websockets.connect(taken.url(), open_timeout=SECONDS_MAX)
        assert b"in 8 s: all slots that fit are in use" in refused.value.response.body
        assert refused.value.response.headers["x-berth-reason"] == "capacity"

        async def echo():
            async with websockets.connect(taken.url("run=waiting&wait=1m"), open_timeout=None) as socket:
                await socket.send("hello")
                return await socket.recv()

        await taken.served_after_a_wait(echo())


async def test_aiohttp(folder):
    async with Taken(folder) as taken, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(taken.url("wait=0"))
        assert refused.value.status == 429
        # The error has no body, but the header that repeats the words.
        assert "wait=0 was asked" in refused.value.headers["x-playwright-debug-log"]

        async def echo():
            async with session.ws_connect(taken.url("run=waiting")) as socket:
                await socket.send_str("hello")
                return await socket.receive_str()

        await taken.served_after_a_wait(echo())


async def test_websocket_client(folder):
    async with Taken(folder) as taken:
        with pytest.raises(websocket.WebSocketBadStatusException, match="wait=0 was asked") as refused:
            await asyncio.to_thread(websocket.create_connection, taken.url("wait=0"))
        assert refused.value.status_code == 429

        def echo():
            socket = websocket.create_connection(taken.url("run=waiting"))
            socket.send("hello")
            answer = socket.recv()
            socket.close()
            return answer

        await taken.served_after_a_wait(asyncio.to_thread(echo))


async def test_the_websocket_of_node(folder):
    async with Taken(folder) as taken:

        async def lines(name, query):
            process = await run(name, [NODE, "-e", NODE_CLIENT, taken.url(query)], folder, timeout=SECONDS_MAX)
            return [line.text.strip() for line in process.lines]

        # As in a page, a refused handshake shows no words. A Close does.
        assert await lines("refused", "wait=0") == ["1006"]
        (words,) = await lines("parked", "wait=0&park=websocket")
        assert words.startswith("1013 ") and "wait=0 was asked" in words

        async def echo():
            return (await lines("waiting", "run=waiting"))[0]

        await taken.served_after_a_wait(echo())
