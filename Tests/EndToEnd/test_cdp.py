"""Real CDP clients at the gateway's own address: both forms of URL, beside Playwright's own protocol."""

import hashlib
import json
import os
import shutil
import urllib.request

import playwright
import pytest
from playwright.async_api import Error, async_playwright
from support.fleet import Fleet, eventually

DRIVER = os.path.join(os.path.dirname(os.path.abspath(playwright.__file__)), "driver")
KEY = "cdp-key-of-acme"
SLOW = 60_000

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")


def tenants():
    return {"acme": {"cap": 2, "keys": [hashlib.sha256(KEY.encode()).hexdigest()]}}


async def knows_cdp(gateway) -> dict:
    """The gateway's answer to discovery, once it has heard of the pool."""
    found = {}

    def is_so():
        with urllib.request.urlopen(f"http://127.0.0.1:{gateway.port}/json/version") as answer:
            found.update(json.load(answer))
        return "webSocketDebuggerUrl" in found

    await eventually(is_so, 10, "the gateway hears of the pool")
    return found


@pytest.mark.parametrize("form", ["ws://{}/?token={}", "http://{}/?token={}", "ws://{}/cdp?token={}", "ws://{1}@{0}/"])
async def test_connect_over_cdp_needs_only_the_gateways_address(folder, form):
    async with Fleet(folder, tenants=tenants()) as fleet, async_playwright() as api:
        gateway = await fleet.gateway()
        await fleet.worker({"web": 1}, kind="chromium")
        await fleet.grantable(1, timeout=120)
        await knows_cdp(gateway)
        for name in ["one", "two"]:
            browser = await api.chromium.connect_over_cdp(form.format(f"127.0.0.1:{gateway.port}", KEY), timeout=SLOW)
            page = await browser.contexts[0].new_page()
            await page.goto(f"data:text/html,<title>{name}</title>")
            assert await page.title() == name
            assert len(browser.contexts[0].pages) <= 2, "pages of another client"
            await browser.close()
        await fleet.nothing_held(within=10)


async def test_one_address_serves_playwright_and_cdp_clients(folder):
    async with Fleet(folder) as fleet, async_playwright() as api:
        gateway = await fleet.gateway()
        await fleet.worker({"pages": 1}, kind="playwright", more=["--playwright-driver", DRIVER])
        await fleet.worker({"tools": 1}, kind="chromium")
        await fleet.grantable(2, timeout=120)
        await knows_cdp(gateway)
        url = f"ws://127.0.0.1:{gateway.port}/"
        one = await api.chromium.connect(url, timeout=SLOW)
        two = await api.chromium.connect_over_cdp(url, timeout=SLOW)
        assert len(one.contexts) == 0 and len(two.contexts) == 1
        await one.close()
        await two.close()
        await fleet.nothing_held(within=10)


async def test_a_cdp_client_without_a_pool_reads_which_pools_there_are(folder):
    async with Fleet(folder) as fleet, async_playwright() as api:
        gateway = await fleet.gateway()
        await fleet.worker({"board": 1})
        await fleet.grantable(1)
        words = "No worker ever offered a slot for CDP"

        # The gateway hears of the pools at its next renew.
        async def names_the_pools():
            with pytest.raises(Error, match=words) as refusal:
                await api.chromium.connect_over_cdp(f"ws://127.0.0.1:{gateway.port}/", timeout=SLOW)
            return "the pools are board (raw)" in str(refusal.value)

        await eventually(names_the_pools, 10, "a refusal that names the pools")
