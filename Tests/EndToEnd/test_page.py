"""Pages in Chromium that open a WebSocket: of an Origin that is listed, of another one, and behind DNS rebinding."""

import hashlib
import os
import shutil

import pytest
from playwright.async_api import async_playwright
from support.fleet import Fleet

CHROMIUM = shutil.which("chromium")
KEY = "page-key-of-acme"
SECONDS_MAX = 120
# Awaits the first message or the end; `sockets` keeps the connection.
OPEN = """
url => new Promise(resolve => {
  const socket = new WebSocket(url);
  (globalThis.sockets ??= []).push(socket);
  socket.onopen = () => socket.send('hello');
  socket.onmessage = event => resolve(event.data);
  socket.onclose = event => resolve(`closed ${event.code} ${event.reason}`);
})
"""
CLOSE = "() => new Promise(resolve => { const socket = sockets.pop(); socket.onclose = resolve; socket.close(); })"
BORROW = "url => fetch(url, { method: 'POST' }).then(answer => answer.status)"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


def tenants():
    return {"acme": {"cap": 2, "keys": [hashlib.sha256(KEY.encode()).hexdigest()]}}


class Browser:
    """Chromium on a user's machine. Each name of a site leads to loopback, where the gateway is."""

    async def __aenter__(self):
        self.api = await async_playwright().start()
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        names = "--host-resolver-rules=MAP *.test 127.0.0.1"
        # Chromium itself keeps pages from local addresses. Other browsers do not, so the gateway must.
        local = "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets"
        self.browser = await self.api.chromium.launch(executable_path=CHROMIUM, args=[names, local, *sandbox])
        return self

    async def __aexit__(self, *_):
        await self.browser.close()
        await self.api.stop()

    async def page(self, origin):
        page = await self.browser.new_page()
        page.set_default_timeout(SECONDS_MAX * 1_000)
        await page.route(f"{origin}/", lambda route: route.fulfill(body="<title>site</title>"))
        await page.goto(f"{origin}/")
        return page


async def test_pages_of_a_listed_origin_alone_take_turns(folder):
    async with Fleet(folder, tenants=tenants()) as fleet, Browser() as browser:
        gateway = await fleet.gateway(more=["--origin", "http://app.test"])
        await fleet.worker({"AppA": 1})
        await fleet.grantable(1)
        url = f"ws://127.0.0.1:{gateway.port}/pool/AppA/?token={KEY}"
        first, second = [await browser.page("http://app.test") for _ in range(2)]
        assert await first.evaluate(OPEN, f"{url}&run=first") == "hello"
        # A page reads no words of a refused handshake, but those of a Close.
        assert await second.evaluate(OPEN, f"{url}&wait=0") == "closed 1006 "
        assert "wait=0 was asked" in await second.evaluate(OPEN, f"{url}&wait=0&park=websocket")
        await second.evaluate(f"url => {{ globalThis.served = ({OPEN})(url) }}", f"{url}&run=second")
        await fleet.queued("second", SECONDS_MAX)
        # A foreign page is refused, even one that knows a key.
        foreign = await browser.page("http://evil.test")
        assert await foreign.evaluate(OPEN, f"{url}&run=foreign") == "closed 1006 "
        refusal = await fleet.wait_for("refusal", code="forbidden")
        assert "Web pages of this origin may not connect" in refusal.get("msg")
        await first.evaluate(CLOSE)
        assert await second.evaluate("() => served") == "hello"
        await second.evaluate(CLOSE)
        await fleet.nothing_held(within=10)


@pytest.mark.parametrize("more", [[], ["--insecure-open"]], ids=["loopback", "insecure-open"])
async def test_a_page_whose_name_leads_to_the_gateway_is_refused(folder, more):
    async with Fleet(folder) as fleet, Browser() as browser:
        gateway = await fleet.gateway(more=more)
        await fleet.worker({"AppA": 1})
        await fleet.grantable(1)
        site = f"evil.test:{gateway.port}"
        page = await browser.page(f"http://{site}")
        assert await page.evaluate(OPEN, f"ws://{site}/pool/AppA/") == "closed 1006 "
        await fleet.wait_for("refusal", code="forbidden")
        assert await page.evaluate(BORROW, f"http://{site}/v1/sessions") == 403
        assert fleet.ledger().services == [] and fleet.lines("grant") == []
