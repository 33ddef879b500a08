"""The scenarios `burst` and `agent-swarm` with real Playwright clients and real browsers.

    .venv/bin/python loadtest/playwright/load.py burst
    .venv/bin/python loadtest/playwright/load.py agent-swarm --url ws://gateway:8080/ --slots 12

A start for a load test of your own: change what `Client.use` does. Without --url, `berth dev` serves. With --url, the
gateway is in open mode, and the caps printed are those that its file has for these tenants. `loadtest run` makes far
more load: one Chromium serves about two pages a second.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "Tests"), os.path.join(ROOT, "loadtest", "demo")]

from demo import binary  # noqa: E402
from support.process import Process  # noqa: E402

PAGE = "data:text/html,<title>load</title><button onclick=\"document.title='clicked'\">Click</button>"
WAIT_MILLISECONDS = 600_000


class Client:
    def __init__(self, tenant: str):
        self.tenant = tenant
        self.arrived = self.served = self.ended = 0.0
        self.error = ""

    async def use(self, browser):
        page = await browser.new_page()
        await page.goto(PAGE)
        await page.click("button")
        assert await page.title() == "clicked"

    async def run(self, playwright, url: str):
        self.arrived = time.monotonic()
        try:
            browser = await playwright.chromium.connect(
                url, headers={"x-berth-tenant": self.tenant}, timeout=WAIT_MILLISECONDS)
            self.served = time.monotonic()
            await self.use(browser)
            # The slot counts as given back from here on.
            self.ended = time.monotonic()
            await browser.close()
        except Exception as error:  # Playwright's errors have many types; the words are the record.
            self.error = str(error).strip().splitlines()[0]


def burst(slots: int, times: int):
    """Ten times the capacity comes at once."""
    return {"default": slots}, [Client("default") for _ in range(slots * times)]


def agent_swarm(slots: int, times: int):
    """Tenants with small caps send one client each, and the last one sends as many as all others. It comes first."""
    agents = [f"agent-{number + 1}" for number in range(slots * times // 2)]
    caps = {agent: 1 + number % 2 for number, agent in enumerate(agents)} | {"flood": max(1, slots // 2)}
    return caps, [Client("flood") for _ in agents] + [Client(agent) for agent in agents]


SCENARIOS = {"burst": burst, "agent-swarm": agent_swarm}


def most_at_once(clients) -> int:
    """How many held a slot at the same time, as they saw it."""
    moments = [(client.served, 1) for client in clients] + [(client.ended, -1) for client in clients]
    at_once = most = 0
    for _, step in sorted(moments):
        at_once += step
        most = max(most, at_once)
    return most


def report(name, slots, caps, clients) -> int:
    failed = [client for client in clients if client.error]
    served = [client for client in clients if not client.error]
    problems = [f"{client.tenant}: {client.error}" for client in failed]
    print(f"{name}: {len(served)} of {len(clients)} clients served by {slots} slots\n")
    print(f"{'tenant':<12}{'cap':>5}{'served':>8}{'most at once':>14}{'median wait':>13}{'longest':>9}")
    for tenant, cap in caps.items():
        some = [client for client in served if client.tenant == tenant]
        if not some:
            continue
        waits = sorted(client.served - client.arrived for client in some)
        most = most_at_once(some)
        print(f"{tenant:<12}{cap:>5}{len(some):>8}{most:>14}{waits[len(waits) // 2]:>11.2f} s{waits[-1]:>7.2f} s")
        if most > cap:
            problems.append(f"{tenant} had {most} slots at once, its cap is {cap}")
    if most_at_once(served) > slots:
        problems.append(f"{most_at_once(served)} sessions at once, but there are {slots} slots")
    for problem in problems:
        print(f"FAILED: {problem}")
    return 1 if problems else 0


async def serve(folder, slots, caps) -> tuple[Process, str]:
    config = os.path.join(folder, "berth.yaml")
    with open(config, "w", encoding="utf-8") as file:
        file.write("tenants:\n" + "".join(f"  {tenant}: {{ cap: {cap} }}\n" for tenant, cap in caps.items()))
    argv = [binary(), "dev", "--slots", str(slots), "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
    driver = os.path.dirname(os.path.abspath(sys.modules["playwright"].__file__)) + "/driver"
    dev = await Process.start("berth-dev", [*argv, "--config", config, "--playwright-driver", driver], folder)
    line = await dev.wait_for("dev", timeout=60)
    # Its words to people come once the pool is known.
    await dev.wait_for(where=lambda other: "behind ws://" in other.text, timeout=60)
    return dev, f"ws://{line.get('address')}/"


async def run(options) -> int:
    from playwright.async_api import async_playwright

    caps, clients = SCENARIOS[options.scenario](options.slots, options.times)
    with tempfile.TemporaryDirectory(prefix="berth-load-") as folder:
        dev, url = None, options.url
        try:
            async with async_playwright() as playwright:
                if url is None:
                    dev, url = await serve(folder, options.slots, caps)
                await asyncio.gather(*(client.run(playwright, url) for client in clients))
            if dev:
                dev.signal(signal.SIGINT)
                await dev.exit(30)
        finally:
            if dev:
                await dev.dispose()
    return report(options.scenario, options.slots, caps, clients)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--url", help="the gateway under test (default: `berth dev`)")
    parser.add_argument("--slots", type=int, default=2, help="the slots that it has (default 2)")
    parser.add_argument("--times", type=int, default=10, help="clients for each slot (default 10)")
    sys.exit(asyncio.run(run(parser.parse_args())))


if __name__ == "__main__":
    main()
