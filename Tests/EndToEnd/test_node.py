"""Playwright for Node.js: the node and the playwright-core that Playwright's Python package brings."""

import os
import shutil

import pytest
from support.fleet import Fleet
from support.process import Process
from support.turns import SECONDS_MAX, turns
from test_playwright import DRIVER

CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients", "playwright.js")

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")


@pytest.mark.parametrize(("method", "kind"), [("connect", "playwright"), ("connectOverCDP", "chromium")])
async def test_node_clients_take_turns(folder, method, kind):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        driver = ["--playwright-driver", DRIVER] if kind == "playwright" else []
        await fleet.worker({"web:chromium": 1}, kind=kind, more=["--warm", "0", *driver])
        await fleet.grantable(1, timeout=SECONDS_MAX)

        async def start(name, query):
            url = f"ws://127.0.0.1:{gateway.port}/?{query}"
            argv = [os.path.join(DRIVER, "node"), CLIENT, os.path.join(DRIVER, "package"), method, url]
            return fleet.keep(await Process.start(name, argv, folder))

        words = await turns(fleet, start)
        assert "429" in words and "would_wait" in words and "wait=0 was asked" in words
