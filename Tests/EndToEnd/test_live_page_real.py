"""The live page of a real gateway: what clients, operators and faults do is on it, and its actions reach the fleet."""

import re

import pytest
from support import client
from support.fleet import Fleet, binary, eventually
from support.live_page import CHROMIUM, Chromium, column, confirm
from support.process import run

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
TOKEN = "admin-token-of-the-test"


class Listener:
    """An admin listener, where `Chromium.open` expects a mock."""

    def __init__(self, address: str):
        self.url = f"http://{address}/"


async def act(page, table: str, name: str, answer: str):
    """Does the first action of that name, and awaits how it went."""
    await page.click(f"#{table} .act button >> text={name} >> nth=0")
    await confirm(page, table, answer)


async def shows(page, selector, text):
    """Awaits a text of the page."""
    place = page.locator(selector)

    async def is_there():
        return text in " ".join((await place.inner_text()).split())

    try:
        await eventually(is_there, 30, f"{selector} says {text}")
    except AssertionError as late:
        raise AssertionError(f"{late}: {await place.inner_text()}") from late


async def held(fleet, name) -> client.Client:
    """A client that has its slot."""
    one = await fleet.client(name, path="/pool/AppA/").open()
    await one.answer()
    assert await one.echo(), one.saw.error
    return one


async def test_the_page_of_a_real_gateway(folder):
    token = f"{folder}/token"
    with open(token, "w", encoding="ascii") as file:
        file.write(TOKEN)
    async with Fleet(folder) as fleet, Chromium() as browser:
        gateway = await fleet.gateway(more=["--admin-listen", "127.0.0.1:0", "--admin-token-file", token])
        listener = Listener((await gateway.wait_for("admin")).get("address"))
        page = await browser.open(listener, http_credentials={"username": "", "password": TOKEN})
        await shows(page, "#verdict", "There is no worker")
        worker = await fleet.worker({"AppA": 1})
        await shows(page, "#verdict", "Nobody waits. 1 slot is free.")
        first = await held(fleet, "first")
        await shows(page, "#numbers", "1 / 1")
        (version,), (age,) = await column(page, "workers", "Version"), await column(page, "workers", "Age")
        assert version in (await run("version", [binary("berth"), "--version"], folder)).output and version
        assert re.fullmatch(r"[0-9.]+ (s|min)", age), age
        second = await fleet.client("second", path="/pool/AppA/").open()
        await fleet.queued("second")
        await shows(page, "#verdict", "1 client waits because every slot that fits is in use.")
        await shows(page, "#why", "capacity 1")
        assert await column(page, "line", "Run") == ["second"]
        # The waiting client is refused, the other one closed.
        await act(page, "line", "Cancel", "The wait of default is over.")
        assert (await second.answer()).code == "gone"
        await shows(page, "#line", "Nobody waits.")
        await page.click("#workers .fold")
        await shows(page, "#workers .inner", "first")
        await act(page, "workers", "End", "The session of default ends.")
        assert "ended by request" in await first.closed_by_peer()
        await fleet.grantable(1)
        # A paused pool keeps its clients waiting until it is resumed.
        await act(page, "pools", "Pause", "AppA is paused.")
        third = await fleet.client("third", path="/pool/AppA/").open()
        await shows(page, "#verdict", "1 client waits because its pools are paused. Paused: AppA")
        await act(page, "pools", "Resume", "AppA gets clients again.")
        await third.answer()
        assert await third.echo(), third.saw.error
        # A refusal is told with its words.
        refused = fleet.client("refused", path="/pool/AppA/?wait=0")
        await (await refused.open()).answer()
        await shows(page, "#recent", "would_wait")
        # A worker that drains ends when its last session does.
        await act(page, "workers", "Drain", "drains.")
        await shows(page, "#workers", "drains")
        await third.finish()
        await eventually(lambda: not worker.alive, 30, "the worker ends")
        await shows(page, "#verdict", "There is no worker")
        # Redis away, then the gateway.
        await fleet.redis.kill()
        await shows(page, "#banner", "You see the state of")
        await gateway.kill()
        await shows(page, "#banner", "The gateway does not answer.")
