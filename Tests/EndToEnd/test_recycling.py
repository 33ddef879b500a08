"""Many sessions of real Chromium over two slots leave nothing behind, and no client finds what another one left.

A sample runs in `make test`, 500 sessions of each kind in `make test-long`.
"""

import asyncio
import os
import time

import playwright
import pytest
from playwright.async_api import async_playwright
from support.fleet import Fleet, eventually
from support.remains import Remains, profile_of, words_of

DRIVER = os.path.join(os.path.dirname(os.path.abspath(playwright.__file__)), "driver")
SESSIONS = int(os.environ.get("BERTH_RECYCLED") or ("500" if os.environ.get("BERTH_LONG") else "8"))
# What is there after these sessions is what must be there after all. One of their clients has waited: they are more than
# the slots.
WARM_UP = min(50, SESSIONS // 2)
SLOTS = 2
# One client always waits.
CLIENTS = SLOTS + 1
SHARED_SESSIONS_MAX = 5
# After so many sessions every shared sidecar that served one has served its last, and one new one is up.
PERIOD = SLOTS * SHARED_SESSIONS_MAX
SLOW = 90_000
SETTLED_SECONDS = 30
# An allocator keeps what a busy moment took.
GROWN_BYTES_MAX = 4 << 20

SHARED = ["--mode", "shared", "--sessions", str(SLOTS), "--max-sessions", str(SHARED_SESSIONS_MAX)]
STORED = "[document.cookie, localStorage.getItem('who')]"
STORE = "who => { document.cookie = `who=${who}; max-age=3600`; localStorage.setItem('who', who) }"


class Site:
    """A local page. `cookies` has the Cookie headers that came for each client, in order."""

    def __init__(self):
        self.cookies: dict[str, list[str]] = {}

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/"
        return self

    async def __aexit__(self, *_):
        self.server.close()

    def foreign(self) -> list[str]:
        """What clients sent that was not their own. A browser may send a cookie a moment after a page has set it."""
        found = []
        for name, cookies in self.cookies.items():
            own = cookies[0] == "" and len(cookies) > 1 and set(cookies) <= {"", f"who={name}"}
            found += [] if own else [f"{name}: {cookies}"]
        return found

    async def _serve(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            name = head[0].partition("GET /?who=")[2].partition(" ")[0]
            is_page = name != ""
            if is_page:
                fields = [line.partition(": ")[2] for line in head if line.lower().startswith("cookie:")]
                self.cookies.setdefault(name, []).append("".join(fields))
            status, body = ("200 OK", b"<title>page</title>") if is_page else ("404 Not Found", b"")
            fields = f"Content-Type: text/html\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
            writer.write(f"HTTP/1.1 {status}\r\n{fields}\r\n".encode() + body)
            await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()


class Recycling:
    """A fleet with two slots of real Chromium. `sessions` are run by clients side by side, each with its own number."""

    def __init__(self, folder: str, kind: str, more: list[str]):
        self.fleet, self.site = Fleet(folder), Site()
        self.kind, self.more = kind, more
        self.temporary = os.path.join(folder, "t")
        self.done = 0
        # Profiles of the browsers that served, and how many sessions each had.
        self.served: dict[str, int] = {}

    async def __aenter__(self):
        await self.fleet.__aenter__()
        try:
            await self.site.__aenter__()
            os.mkdir(self.temporary)
            gateway = await self.fleet.gateway()
            self.url = f"ws://127.0.0.1:{gateway.port}/pool/web:chromium/"
            more = [*self.more, *(["--playwright-driver", DRIVER] if self.kind == "playwright" else [])]
            self.worker = await self.fleet.worker(
                {"web:chromium": SLOTS}, kind=self.kind, more=more, env={"TMPDIR": self.temporary}
            )
            await self.fleet.grantable(SLOTS, timeout=120)
            self.remains = Remains(self.fleet, self.temporary)
            self.context = async_playwright()
            self.chromium = (await self.context.__aenter__()).chromium
        except BaseException:
            await self.fleet.__aexit__()
            raise
        return self

    async def __aexit__(self, *_):
        await self.context.__aexit__()
        await self.site.__aexit__()
        await self.fleet.__aexit__()

    async def run(self, session, count: int):
        """Runs so many sessions."""
        numbers = iter(range(self.done, self.done + count))

        async def client():
            for number in numbers:
                await session(self, f"client-{number}")

        async with asyncio.TaskGroup() as tasks:
            for _ in range(CLIENTS):
                tasks.create_task(client())
        self.done += count

    async def serves(self, browser) -> tuple[object, str]:
        """A CDP session with the browser as a whole, and the browser's profile."""
        cdp = await browser.new_browser_cdp_session()
        info = (await cdp.send("SystemInfo.getProcessInfo"))["processInfo"]
        pid = next(process["id"] for process in info if process["type"] == "browser")
        (disabled,) = [word for word in words_of(pid) if word.startswith("--disable-features=")]
        assert disabled.endswith("WebUIOmniboxPopup,WebUIOmniboxAimPopup")
        # Playwright's own list is still there.
        assert (disabled.count(",") > 5) == (self.kind == "playwright"), disabled
        profile = profile_of(pid)
        self.served[profile] = self.served.get(profile, 0) + 1
        return cdp, profile

    async def stores(self, page, name: str):
        """Finds nothing stored at the page, and stores the client's name, which stays."""
        await page.goto(f"{self.site.url}?who={name}")
        assert await page.evaluate(STORED) == ["", None], "values of another client"
        await page.evaluate(STORE, name)
        await page.reload()
        assert await page.evaluate(STORED) == [f"who={name}", name]

    async def has_no_page_of_its_own(self, cdp):
        """The browser does not load the lists below its address bar, which nobody sees."""
        targets = (await cdp.send("Target.getTargets"))["targetInfos"]
        assert not [target["url"] for target in targets if "top-chrome" in target["url"]]

    async def settled(self, sidecars: int) -> dict:
        """The first of two equal looks at which all slots are free and all spares are up.

        A probe opens a connection for a moment: a single look may count its descriptor.
        """
        await self.fleet.nothing_held(within=SETTLED_SECONDS)
        await self.fleet.grantable(SLOTS, timeout=120)

        last = None

        async def up():
            nonlocal last
            now = await self.remains.now()
            # Each look has all of it: between two looks a sidecar that has served may end.
            is_up = now["sidecars"] == now["work folders"] == sidecars and self.all_ready(sidecars)
            before, last = last, now if is_up else None
            return now if is_up and now == before else None

        return await eventually(up, 120, f"{sidecars} sidecars are ready", every=0.5)

    def all_ready(self, sidecars: int) -> bool:
        states = {line.get("pid"): line.get("state") for line in self.worker.events("sidecar") if line.get("pid")}
        return sum(state == "ready" for state in states.values()) == sidecars

    async def unchanged(self, before: dict, sidecars: int):
        await self.settled(sidecars)
        try:
            async with asyncio.timeout(SETTLED_SECONDS):
                while (after := await self.remains.now()) != before:
                    await asyncio.sleep(0.2)
        except TimeoutError:
            changed = {key: (before[key], after[key]) for key in before if before[key] != after[key]}
            raise AssertionError(f"before and after {self.done} sessions: {changed}") from None

    async def ends_clean(self):
        """Nothing outlives the worker either."""
        await self.fleet.nothing_held(within=10)
        assert await self.fleet.audit() == []
        assert await self.worker.terminate(timeout=30) == 0
        assert os.listdir(self.temporary) == [] and self.remains.strays() == []


async def of_playwright(fleet: Recycling, name: str):
    """A browser of Playwright's server; the profile's own context is out of a client's reach, but for CDP."""
    browser = await fleet.chromium.connect(fleet.url, timeout=SLOW)
    assert browser.contexts == []
    cdp, _ = await fleet.serves(browser)
    assert (await cdp.send("Storage.getCookies"))["cookies"] == [], "a profile that another client used"
    await cdp.send("Storage.setCookies", {"cookies": [{"name": "who", "value": name, "url": fleet.site.url}]})
    assert len((await cdp.send("Storage.getCookies"))["cookies"]) == 1
    await fleet.stores(await browser.new_page(), name)
    await fleet.has_no_page_of_its_own(cdp)
    await browser.close()


async def of_cdp(fleet: Recycling, name: str):
    """A browser by CDP, whose profile's own context is what its clients use."""
    browser = await fleet.chromium.connect_over_cdp(fleet.url, timeout=SLOW)
    cdp, _ = await fleet.serves(browser)
    (context,) = browser.contexts
    await fleet.stores(context.pages[0] if context.pages else await context.new_page(), name)
    await fleet.has_no_page_of_its_own(cdp)
    await browser.close()


@pytest.mark.parametrize(("kind", "session"), [("playwright", of_playwright), ("chromium", of_cdp)])
async def test_each_session_has_a_profile_of_its_own_and_leaves_nothing(folder, kind, session):
    sidecars = SLOTS + 1
    async with Recycling(folder, kind, ["--warm", "1"]) as fleet:
        await fleet.run(session, WARM_UP)
        before, memory = await fleet.settled(sidecars), fleet.remains.memory()
        took = await timed(fleet.run(session, SESSIONS - WARM_UP))
        await fleet.unchanged(before, sidecars)
        assert len(fleet.served) == SESSIONS and set(fleet.served.values()) == {1}
        assert all(profile.startswith(fleet.temporary + "/") for profile in fleet.served)
        assert fleet.site.foreign() == [] and len(fleet.site.cookies) == SESSIONS
        has_not_grown(fleet, memory, took)
        await fleet.ends_clean()


async def test_clients_that_share_a_browser_see_nothing_of_each_other_and_leave_nothing(folder):
    together = 0

    async def pair(fleet: Recycling, number: int):
        nonlocal together
        names = [f"client-{number}-{place}" for place in range(SLOTS)]
        browsers, profiles = [], []
        for name in names:
            browser = await fleet.chromium.connect(fleet.url, timeout=SLOW)
            assert browser.contexts == [], "contexts of another client"
            browsers.append(browser)
            profiles.append((await fleet.serves(browser))[1])
            await fleet.stores(await browser.new_page(), name)
        together += profiles[0] == profiles[1]
        for browser, name in zip(browsers, names):
            (context,) = browser.contexts
            assert await context.pages[0].evaluate(STORED) == [f"who={name}", name]
        for browser in browsers:
            await browser.close()
        fleet.done += SLOTS

    async def pairs(fleet: Recycling, sessions: int):
        while fleet.done < sessions:
            await pair(fleet, fleet.done)

    async with Recycling(folder, "playwright", SHARED) as fleet:
        await pairs(fleet, PERIOD * max(1, WARM_UP // PERIOD))
        before, memory = await fleet.settled(1), fleet.remains.memory()
        took = await timed(pairs(fleet, PERIOD * max(2, SESSIONS // PERIOD)))
        await fleet.unchanged(before, 1)
        assert max(fleet.served.values()) <= SHARED_SESSIONS_MAX
        assert len(fleet.served) == fleet.done // SHARED_SESSIONS_MAX
        # Of five pairs, one meets while the browser is replaced.
        assert together >= fleet.done // SLOTS * 3 // 5, f"only {together} pairs had one browser"
        assert fleet.site.foreign() == [] and len(fleet.site.cookies) == fleet.done
        has_not_grown(fleet, memory, took)
        await fleet.ends_clean()


async def timed(work) -> float:
    began = time.monotonic()
    await work
    return time.monotonic() - began


def has_not_grown(fleet: Recycling, before: dict[str, int], took: float):
    """Prints the figures too."""
    after = fleet.remains.memory()
    words = ", ".join(f"{name} {before[name] / 1e6:.1f} → {after[name] / 1e6:.1f} MB" for name in before)
    print(f"{fleet.done} sessions, all but the first in {took:.0f} s, {len(fleet.served)} browsers; {words}")
    for name, value in after.items():
        assert value - before[name] <= GROWN_BYTES_MAX, words
