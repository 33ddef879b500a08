"""The load scripts of Playwright users, with real browsers: few clients, but more than slots."""

import os
import sys

import pytest
from support.fleet import ROOT, binary
from support.process import run

SCRIPT = os.path.join(ROOT, "loadtest", "playwright", "load.py")


@pytest.mark.parametrize(("scenario", "clients"), [("burst", 4), ("agent-swarm", 4)])
async def test_all_are_served(folder, scenario, clients):
    pytest.importorskip("playwright")
    argv = [sys.executable, SCRIPT, scenario, "--times", "2"]
    process = await run(f"load-{scenario}", argv, folder, env={"BERTH_BIN": binary("berth")}, timeout=180)
    assert process.code == 0, process.output
    assert f"{scenario}: {clients} of {clients} clients served by 2 slots" in process.output


async def test_a_refused_client_is_told(folder):
    """Nobody listens on this port."""
    argv = [sys.executable, SCRIPT, "burst", "--times", "1", "--url", "ws://127.0.0.1:1/"]
    process = await run("load-refused", argv, folder, timeout=60)
    assert process.code == 1 and process.output.count("FAILED: default: ") == 2, process.output
