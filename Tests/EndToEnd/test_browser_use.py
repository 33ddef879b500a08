"""browser-use by its `cdp_url`, without a model. `scripts/setup browser-use` installs it into a venv of its own."""

import os
import shutil

import pytest
from support.api import API
from support.fleet import ROOT, Fleet
from support.process import Process
from support.turns import SECONDS_MAX, has_page

CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients", "browser_use_session.py")
PYTHON = os.path.join(ROOT, ".venv-browser-use", "bin", "python")

pytestmark = [
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
    pytest.mark.skipif(not os.access(PYTHON, os.X_OK), reason="no .venv-browser-use: run scripts/setup browser-use"),
]


async def test_browser_use_sessions_take_turns(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker({"web": 1}, kind="chromium", more=["--warm", "0"])
        await fleet.grantable(1, timeout=SECONDS_MAX)

        async def start(name, url):
            return fleet.keep(await Process.start(name, [PYTHON, CLIENT, url], folder))

        first = await start("first", f"ws://127.0.0.1:{gateway.port}/?run=first")
        await has_page(first)
        refused = await start("refused", f"ws://127.0.0.1:{gateway.port}/?run=refused&wait=0")
        assert await refused.exit(SECONDS_MAX) == 1
        assert "HTTP 429" in refused.output and "wait=0 was asked" not in refused.output
        # browser-use waits 10 s at most. A borrower waits in its place, and gets a URL that needs no wait.
        borrower = await API(gateway.port).begin("POST", "/v1/sessions", {"protocol": "cdp", "run": "second"})
        await fleet.queued("second", SECONDS_MAX)
        assert await first.terminate(SECONDS_MAX) == 0, first.tail()
        lent = await borrower.answer(SECONDS_MAX)
        assert lent.status == 201, lent
        second = await start("second", lent.body["url"])
        await has_page(second)
        assert await second.terminate(SECONDS_MAX) == 0, second.tail()
        await fleet.nothing_held(within=10)
