"""Kinds of sidecars with their real programs, through a gateway: a client of each protocol, then the next one."""

import asyncio
import json
import shutil

import pytest
from support.client import frame, read_frame
from support.fleet import Fleet


def needs(program: str):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


class Caller:
    """A client that sends commands as JSON and reads their answers, as CDP and WebDriver BiDi have them."""

    def __init__(self, fleet: Fleet, name: str, path: str):
        self.client = fleet.client(name, path=path)
        self.number = 0

    async def __aenter__(self):
        await self.client.open()
        saw = await self.client.answer(timeout=60)
        assert saw.status == 101, f"{saw.status} {saw.body or saw.error}"
        return self

    async def __aexit__(self, *_):
        await self.client.finish()

    async def call(self, method: str, timeout=30.0, **params) -> dict:
        self.number += 1
        command = {"id": self.number, "method": method, "params": params}
        self.client.writer.write(frame(json.dumps(command).encode(), opcode=1))
        async with asyncio.timeout(timeout):
            while True:
                opcode, payload = await read_frame(self.client.reader)
                assert opcode == 1, payload
                answer = json.loads(payload)
                if answer.get("id") == self.number:
                    assert "result" in answer, answer
                    return answer["result"]


async def cdp_session(fleet: Fleet, name: str, path: str) -> dict:
    """Looks for a cookie of an earlier session, sets one, and returns what the browser says of itself."""
    async with Caller(fleet, name, path) as caller:
        seen = await caller.call("Storage.getCookies")
        assert seen["cookies"] == [], "a browser that another client used"
        cookie = {"name": "berth", "value": name, "url": "http://berth.test/"}
        await caller.call("Storage.setCookies", cookies=[cookie])
        assert len((await caller.call("Storage.getCookies"))["cookies"]) == 1
        info = await caller.call("SystemInfo.getProcessInfo")
        browser = next(process["id"] for process in info["processInfo"] if process["type"] == "browser")
        return {"pid": browser, **await caller.call("Browser.getVersion")}


@needs("chromium")
async def test_a_cdp_client_has_a_chromium_of_its_own(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        await fleet.worker({"web:chromium": 1}, kind="chromium", more=["--warm", "0"])
        await fleet.grantable(1, timeout=60)
        one = await cdp_session(fleet, "one", "/pool/web:chromium/")
        two = await cdp_session(fleet, "two", "/pool/web:chromium/")
        assert one["product"] == two["product"] and one["product"].startswith("Chrome/")
        assert one["pid"] != two["pid"]
        await fleet.nothing_held(within=10)


HEADLESS = {"goog:chromeOptions": {"args": ["--headless=new", "--no-sandbox"]}}


@pytest.mark.parametrize(
    ("browser", "capabilities"),
    [
        pytest.param("firefox", {}, marks=needs("firefox-esr")),
        pytest.param("chromium", HEADLESS, marks=needs("chromedriver")),
    ],
)
async def test_a_bidi_client_has_a_browser_of_its_own(folder, browser, capabilities):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        await fleet.worker({f"web:{browser}": 1}, kind="bidi", more=["--warm", "0"])
        await fleet.grantable(1, timeout=60)
        sessions = set()
        for name in ("one", "two"):
            async with Caller(fleet, name, f"/pool/web:{browser}/") as caller:
                wanted = {"alwaysMatch": capabilities}
                sessions.add((await caller.call("session.new", capabilities=wanted))["sessionId"])
                context = await caller.call("browsingContext.create", type="tab")
                await caller.call(
                    "browsingContext.navigate", context=context["context"], url="data:text/html,x", wait="complete"
                )
                tree = await caller.call("browsingContext.getTree")
                assert len(tree["contexts"]) == 2, "pages of another client"
        assert len(sessions) == 2
        await fleet.nothing_held(within=10)
