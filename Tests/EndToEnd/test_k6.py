"""k6: the load scripts over a slot or two, and its browser module with real Chromium. `scripts/setup k6` installs it."""

import os
import shutil

import pytest
from support.fleet import ROOT, Fleet
from support.process import run
from test_cdp import knows_cdp

K6 = os.path.join(ROOT, ".venv-k6", "bin", "k6")
SCRIPTS = os.path.join(ROOT, "loadtest", "k6")
SLOTS = 2
# Of a failed threshold.
FAILED = 99

BROWSER = """
import { browser } from 'k6/browser';

const pages = { executor: 'per-vu-iterations', vus: 2, iterations: 1, options: { browser: { type: 'chromium' } } };
export const options = { scenarios: { pages } };

export default async function () {
  const page = await browser.newPage();
  await page.goto('data:text/html,<title>served</title>');
  console.log(`title: ${await page.title()}`);
  await page.close();
}
"""

pytestmark = pytest.mark.skipif(not os.access(K6, os.X_OK), reason="no .venv-k6: run scripts/setup k6")


async def k6(folder, script, *, env, timeout=120.0):
    settings = [word for name, value in env.items() for word in ("--env", f"{name}={value}")]
    argv = [K6, "run", "--quiet", "--no-usage-report", "--no-color", "--address", "127.0.0.1:0", *settings, script]
    return await run("k6", argv, folder, env=env, timeout=timeout)


def caps(agents) -> dict:
    return {f"agent-{number + 1}": {"cap": 1 + number % SLOTS} for number in range(agents)} | {"flood": {"cap": 1}}


@pytest.mark.parametrize(
    ("name", "more", "served"),
    [("burst", {"TIMES": 5}, 10), ("agent-swarm", {"AGENTS": 4, "SECONDS": 3, "FLOOD": 4}, None)])
async def test_all_are_served(folder, name, more, served):
    async with Fleet(folder, tenants=caps(4)) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker({"load": SLOTS}, more=["--mode", "shared", "--sessions", str(SLOTS), "--max-sessions", "1000"])
        await fleet.grantable(SLOTS)
        env = {"BERTH_URL": f"ws://127.0.0.1:{gateway.port}/pool/load/echo", "SLOTS": SLOTS, **more}
        process = await k6(folder, os.path.join(SCRIPTS, f"{name}.js"), env={key: str(value) for key, value in env.items()})
        assert process.code == 0, process.output
        assert served is None or f"count=={served}' count={served}" in process.output, process.output
        # Each client that was served had a grant.
        assert len(gateway.events("grant")) >= (served or 8)
        await fleet.nothing_held(within=10)


@pytest.mark.parametrize(
    ("query", "words"),
    [("", "bad handshake"), ("?park=websocket", "close 1008 (policy violation): No worker ever offered a slot")])
async def test_a_refused_client_fails_the_run(folder, query, words):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        url = f"ws://127.0.0.1:{gateway.port}/pool/nobody/echo{query}"
        process = await k6(folder, os.path.join(SCRIPTS, "burst.js"), env={"BERTH_URL": url, "SLOTS": "1", "TIMES": "2"})
        assert process.code == FAILED, process.output
        assert process.output.count(f"default: websocket: {words}") == 2, process.output


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
async def test_browsers_of_k6_take_turns(folder):
    script = os.path.join(folder, "pages.js")
    with open(script, "w", encoding="utf-8") as file:
        file.write(BROWSER)
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker({"web": 1}, kind="chromium")
        await fleet.grantable(1, timeout=120)
        await knows_cdp(gateway)
        url = f"ws://127.0.0.1:{gateway.port}/cdp?wait=1m"
        process = await k6(folder, script, env={"K6_BROWSER_WS_URL": url})
        assert process.code == 0 and process.output.count("title: served") == 2, process.output
        assert len(gateway.events("grant")) == 2
        await fleet.nothing_held(within=10)
