"""Real Playwright clients, real Chromium: connecting, refusals in words, versions, browsers."""

import asyncio
import hashlib
import importlib.metadata
import os
import re
import stat

import playwright
import pytest
from playwright.async_api import Error, async_playwright
from support.fleet import Fleet

DRIVER = os.path.join(os.path.dirname(os.path.abspath(playwright.__file__)), "driver")
KEY = "end-to-end-key-of-acme"
SLOW = 60_000
TMPDIR_BYTES_MAX = 37


def tenants(cap=1):
    return {"acme": {"cap": cap, "keys": [hashlib.sha256(KEY.encode()).hexdigest()]}}


class Browsers:
    """A fleet with one gateway and one worker of chromium slots, and Playwright's client."""

    def __init__(self, folder, *, slots=1, label="AppA:Chromium", gateway=(), **fleet):
        self.flags = gateway
        self.fleet = Fleet(folder, **fleet)
        self.slots, self.label = slots, label
        # The longest that is taken: in it Chromium's sockets must have short enough paths.
        self.temporary = os.path.join(folder, "t" * max(1, TMPDIR_BYTES_MAX - len(folder) - 1))

    async def __aenter__(self):
        await self.fleet.__aenter__()
        try:
            self.gateway = await self.fleet.gateway(more=self.flags)
            os.mkdir(self.temporary)
            more = ["--playwright-driver", DRIVER]
            await self.fleet.worker(
                {self.label: self.slots}, kind="playwright", more=more, env={"TMPDIR": self.temporary}
            )
            await self.fleet.grantable(self.slots, timeout=120)
            self.context = async_playwright()
            self.playwright = await self.context.__aenter__()
        except BaseException:
            await self.fleet.__aexit__()
            raise
        return self

    async def __aexit__(self, *_):
        await self.context.__aexit__()
        await self.fleet.__aexit__()

    def url(self, rest="/"):
        return f"ws://127.0.0.1:{self.gateway.port}{rest}"

    def sockets(self) -> list[str]:
        """Paths of the unix sockets that browsers made."""
        paths = [os.path.join(root, name) for root, _, names in os.walk(self.temporary) for name in names]
        return [path for path in paths if stat.S_ISSOCK(os.lstat(path).st_mode)]

    async def refusal(self, kind, url, **options) -> str:
        """The words of the client's error."""
        with pytest.raises(Error) as caught:
            browser = await kind.connect(url, timeout=SLOW, **options)
            await browser.close()
        return str(caught.value)


async def reads_a_page(browser):
    page = await browser.new_page()
    await page.goto("data:text/html,<button onclick=\"document.title='clicked'\">go</button>")
    await page.click("button")
    assert await page.title() == "clicked"


@pytest.mark.parametrize("by", ["query", "header", "basic"])
async def test_connect_by_query_token_and_by_header(folder, by):
    async with Browsers(folder, tenants=tenants()) as b:
        url, headers = b.url(), {}
        if by == "query":
            url = b.url(f"/?token={KEY}")
        elif by == "header":
            headers = {"Authorization": f"Bearer {KEY}"}
        else:
            url = url.replace("ws://", f"ws://{KEY}@")
        browser = await b.playwright.chromium.connect(url, headers=headers, timeout=SLOW)
        await reads_a_page(browser)
        # Slot and start have one digit each here, and four at most.
        assert b.sockets() and all(len(path) + 6 <= 107 for path in b.sockets()), b.sockets()
        await browser.close()
        logs = "\n".join(line.text for node in b.fleet.nodes for line in node.lines)
        assert KEY not in logs
        assert await b.fleet.audit() == []


async def test_a_wrong_key_is_refused_with_words(folder):
    async with Browsers(folder, tenants=tenants()) as b:
        words = await b.refusal(b.playwright.chromium, b.url("/?token=wrong"))
        assert "401" in words and "unauthorized" in words
        assert "unauthorized" in await b.refusal(b.playwright.chromium, b.url())


async def test_the_words_of_a_refusal_reach_the_client(folder):
    async with Browsers(folder) as b:
        holder = await b.playwright.chromium.connect(b.url(), timeout=SLOW)
        words = await b.refusal(b.playwright.chromium, b.url("/?wait=0"))
        assert "429" in words and "would_wait" in words
        words = await b.refusal(b.playwright.chromium, b.url("/?wait=1s"))
        assert "503" in words and "wait_timeout" in words and "1 s" in words
        words = await b.refusal(b.playwright.chromium, b.url("/?label=AppZ:Nowhere"))
        assert "404" in words and "unknown_pool" in words and "AppZ:Nowhere" in words
        await reads_a_page(holder)
        await holder.close()


async def test_another_version_is_refused_and_told_which_there_are(folder):
    async with Browsers(folder) as b:
        version = re.match(r"\d+\.\d+", importlib.metadata.version("playwright")).group()
        headers = {"User-Agent": "Playwright/1.12.3 (x64; debian 12) python/3.11"}
        words = await b.refusal(b.playwright.chromium, b.url(), headers=headers)
        assert "428" in words and "version_mismatch" in words and version in words and "1.12" in words


async def test_firefox_never_lands_on_a_chromium_slot(folder):
    async with Browsers(folder) as b:
        words = await b.refusal(b.playwright.firefox, b.url())
        assert "firefox" in words and "404" in words
        words = await b.refusal(b.playwright.chromium, b.url("/?browser=firefox"))
        assert "firefox" in words
        assert b.fleet.ledger().services == []


async def test_a_waiting_client_gets_the_browser_that_replaced_the_last_one(folder):
    async with Browsers(folder) as b:
        first = await b.playwright.chromium.connect(b.url(), timeout=SLOW)
        context = await first.new_context()
        await context.add_cookies([{"name": "secret", "value": "1", "url": "http://127.0.0.1/"}])
        waiting = b.playwright.chromium.connect(b.url(), timeout=SLOW, headers={"x-berth-run": "second"})
        task = asyncio.create_task(waiting)
        await b.fleet.queued("second")
        await first.close()
        second = await task
        assert second.contexts == []
        await reads_a_page(second)
        await second.close()
        pids = {line.get("pid") for line in b.fleet.lines("sidecar", state="ready")}
        assert len(pids) >= 2
        assert await b.fleet.audit() == []
