"""The distribution's Firefox by Playwright. Its release of the other tests opens no page there, so an older one is used.

`scripts/setup firefox` installs that one into a venv of its own; without it the test is skipped.
"""

import glob
import os
import re
import shutil

import pytest
from support.fleet import ROOT, Fleet
from support.process import run

VENV = os.path.join(ROOT, ".venv-firefox")
DRIVERS = glob.glob(os.path.join(VENV, "lib", "python3*", "site-packages", "playwright", "driver"))
SLOW = 120

CLIENT = """
import asyncio, sys
from playwright.async_api import async_playwright

async def main(url):
    async with async_playwright() as playwright:
        browser = await playwright.firefox.connect(url, timeout=90_000)
        assert browser.contexts == []
        page = await browser.new_page()
        await page.goto("data:text/html,<button onclick=\\"document.title='clicked'\\">go</button>")
        await page.click("button")
        print("version", browser.version, await page.title(), flush=True)
        await browser.close()

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.skipif(not DRIVERS or not shutil.which("firefox-esr"), reason="no .venv-firefox: run scripts/setup firefox")
async def test_a_firefox_client_gets_a_firefox_and_the_next_one_another(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        worker = await fleet.worker(
            {"AppA:firefox": 1}, kind="playwright", more=["--playwright-driver", DRIVERS[0], "--warm", "0"]
        )
        await fleet.grantable(1, timeout=SLOW)
        for name in ("one", "two"):
            argv = [os.path.join(VENV, "bin", "python"), "-c", CLIENT, f"ws://127.0.0.1:{gateway.port}/"]
            client = await run(name, argv, folder, timeout=SLOW)
            assert client.code == 0 and re.search(r"^version \d+\.\S+ clicked$", client.output, re.MULTILINE), client.output
        pids = {line.get("pid") for line in worker.events("sidecar", state="ready")}
        assert len(pids) >= 2 and len(worker.events("session")) == 2
        await fleet.nothing_held(within=10)
        assert await fleet.audit() == []
