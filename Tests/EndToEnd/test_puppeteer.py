"""Puppeteer's sequence of CDP calls, by pyppeteer. `scripts/setup puppeteer` installs it into a venv of its own."""

import os
import shutil

import pytest
from support.fleet import ROOT, Fleet
from support.process import Process
from support.turns import SECONDS_MAX, turns
from test_cdp import knows_cdp

CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients", "puppeteer.py")
PYTHON = os.path.join(ROOT, ".venv-puppeteer", "bin", "python")

pytestmark = [
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
    pytest.mark.skipif(not os.access(PYTHON, os.X_OK), reason="no .venv-puppeteer: run scripts/setup puppeteer"),
]


async def test_puppeteer_clients_take_turns(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker({"web": 1}, kind="chromium", more=["--warm", "0"])
        await fleet.grantable(1, timeout=SECONDS_MAX)
        await knows_cdp(gateway)

        async def start(name, query):
            # The first of them by browserURL, which takes no query.
            address = f"127.0.0.1:{gateway.port}"
            url = f"http://{address}" if name == "first" else f"ws://{address}/?{query}"
            return fleet.keep(await Process.start(name, [PYTHON, CLIENT, url], folder))

        # pyppeteer's WebSocket library gives up 10 s after the handshake began, so the others wait behind a 101.
        words = await turns(fleet, start, waiting="&park=websocket")
        # The reason of a Close shows only if pyppeteer was about to send, and not if it was reading.
        assert "Target closed" in words or "wait=0 was asked" in words
