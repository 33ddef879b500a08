"""Slots that are held by the response to a request (`hold`): how they begin, and each way in which they end."""

import asyncio
import json
import signal

from support.api import API, read
from support.fleet import Fleet, eventually

POOL = {"boards": 1}


class Holder:
    """A borrower that holds its slot: the head and the lines of its response."""

    def __init__(self, request):
        self.request = request
        self.head = b""

    @classmethod
    async def begin(cls, api: API, **options) -> "Holder":
        return cls(await api.begin("POST", "/v1/sessions", {"hold": True, **options}))

    async def holds(self, timeout=20.0) -> dict:
        """The first line."""
        async with asyncio.timeout(timeout):
            self.head = await self.request.reader.readuntil(b"\r\n\r\n")
        assert self.head.startswith(b"HTTP/1.1 201 Created\r\n"), self.head
        return await self.line()

    async def line(self, timeout=20.0) -> dict:
        """The next line that is not empty; {} at the end."""
        async with asyncio.timeout(timeout):
            while (line := await self.request.reader.readline()) == b"\n":
                pass
        return json.loads(line) if line else {}

    async def last(self) -> str:
        """The words of the last line, and nothing behind it."""
        line = await self.line()
        assert await self.line() == {}, line
        return line["ended"]

    def close(self):
        self.request.writer.close()


async def lease_pool(fleet: Fleet, folder: str, names: list[str], more=()):
    path = f"{folder}/pools.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"pools: {{boards: {{kind: lease, names: {json.dumps(names)}}}}}\n")
    worker = await fleet.worker({}, kind="lease", more=["--config", path, *more])
    await fleet.grantable(len(names))
    return worker


async def test_a_slot_is_held_until_its_borrower_closes(folder):
    async with Fleet(folder) as fleet:
        first, second = await fleet.gateway(), await fleet.gateway()
        await lease_pool(fleet, folder, ["board-1", "board-2"])
        one, two = [await Holder.begin(API(gateway.port)) for gateway in (first, second)]
        held = [(await holder.holds())["lease"] for holder in (one, two)]
        assert sorted(held) == ["board-1", "board-2"] and b"content-length" not in one.head.lower()
        waiting = await Holder.begin(API(first.port), run="third", label="boards")
        await fleet.queued("third")
        two.close()
        line = await waiting.holds()
        assert line["lease"] == held[1], "the slot that was given back"
        session = await API(second.port).call("GET", f"/v1/sessions/{line['id']}")
        assert (session.body["state"], session.body["protocol"]) == ("accepted", "lease")
        one.close()
        waiting.close()
        await fleet.nothing_held(within=10)
        assert await fleet.audit() == []


async def test_a_slot_is_held_until_it_is_taken_back_and_the_last_line_says_why(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway(more=["--drain-timeout", "1s"])
        api = API(gateway.port)
        worker = await lease_pool(fleet, folder, ["board-1"])
        holder = await Holder.begin(api)
        session = (await holder.holds())["id"]
        assert (await api.call("DELETE", f"/v1/sessions/{session}")).status == 204
        assert await holder.last() == "The session was ended by request"

        holder = await Holder.begin(api, ttl="1s")
        await holder.holds()
        assert "ttl" in await holder.last()

        holder = await Holder.begin(api)
        await holder.holds()
        await worker.kill()
        assert await holder.last() == "The worker ended before the session did"

        await lease_pool(fleet, folder, ["board-1"])
        holder = await Holder.begin(api)
        await holder.holds()
        gateway.signal(signal.SIGTERM)
        assert "shutting down" in await holder.last()
        await fleet.nothing_held(within=10)
        assert await fleet.audit() == []


async def test_a_refusal_of_a_holder_is_an_answer_as_any(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker({"web": 1})
        await fleet.grantable(1)
        api = API(gateway.port)

        async def refused():
            answer = await api.borrow(hold=True)
            return answer.code == "unknown_pool" and "web (raw)" in answer.message

        await eventually(refused, 10, "the refusal names the pools that there are")
        await lease_pool(fleet, folder, ["board-1"])
        holder = await Holder.begin(api, label="boards")
        await holder.holds()
        answer = await api.borrow(hold=True, wait=0)
        assert answer.code == "would_wait", answer
        late = await Holder.begin(api, wait="1s")
        async with asyncio.timeout(20):
            answer = read(await late.request.reader.read(-1))
        assert (answer.status, answer.code, answer.headers["x-berth-reason"]) == (503, "wait_timeout", "capacity")
        # A borrower that leaves the queue is not served later.
        gone = await Holder.begin(api, run="gone")
        await fleet.queued("gone")
        gone.close()
        await fleet.wait_for("end", run="gone", outcome="left")
        holder.close()
        await fleet.nothing_held(within=10)
        assert await fleet.audit() == []
