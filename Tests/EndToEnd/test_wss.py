"""Real clients over TLS: Playwright trusts the authority by NODE_EXTRA_CA_CERTS, CDP clients ask discovery first."""

import shutil

import pytest
from playwright.async_api import Error, async_playwright
from support.certificates import Authority
from support.fleet import Fleet, eventually

from test_playwright import Browsers, reads_a_page

SLOW = 60_000


async def test_playwright_connects_by_wss(folder, monkeypatch):
    authority = Authority(folder)
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", authority.path)
    async with Browsers(folder, gateway=authority.pair("one").flags) as b:
        url = b.url().replace("ws://127.0.0.1", "wss://localhost")
        browser = await b.playwright.chromium.connect(url, timeout=SLOW)
        await reads_a_page(browser)
        words = await b.refusal(b.playwright.chromium, url + "?wait=0")
        assert "429" in words and "would_wait" in words
        await browser.close()
        words = await b.refusal(b.playwright.chromium, url.replace("wss://", "ws://"))
        assert "400" in words and "This port speaks TLS" in words


async def test_playwright_that_does_not_trust_the_authority_says_so(folder):
    authority = Authority(folder)
    async with Browsers(folder, gateway=authority.pair("one").flags) as b:
        words = await b.refusal(b.playwright.chromium, b.url().replace("ws://127.0.0.1", "wss://localhost"))
        assert "certificate" in words


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
async def test_a_cdp_client_follows_discovery_to_wss(folder, monkeypatch):
    authority = Authority(folder)
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", authority.path)
    async with Fleet(folder) as fleet, async_playwright() as api:
        gateway = await fleet.gateway(more=authority.pair("one").flags)
        await fleet.worker({"web": 1}, kind="chromium")
        await fleet.grantable(1, timeout=120)
        browsers = []

        async def connected():
            # Until the gateway has heard of the pool, discovery names no address.
            try:
                browsers.append(await api.chromium.connect_over_cdp(f"https://localhost:{gateway.port}", timeout=SLOW))
            except Error:
                return False
            return True

        await eventually(connected, 60, "a CDP client connects", every=0.5)
        page = await browsers[0].contexts[0].new_page()
        await page.goto("data:text/html,<title>one</title>")
        assert await page.title() == "one"
        await browsers[0].close()
        await fleet.nothing_held(within=10)
