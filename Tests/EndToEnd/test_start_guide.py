"""docs/start, block by block as a reader runs it: `berth dev`, Chromium, clients of Python and Node.js, keys and caps."""

import json
import os
import re
import shutil
import signal
import time

import pytest
from support import guide, network
from support.fleet import ROOT, binary
from support.process import Process, run
from test_playwright import DRIVER

START = "docs/start/README.md"
CLIENTS = "docs/start/playwright.md"
TENANTS = "docs/start/tenants.md"
# Blocks that build, install from npm, or hold a terminal.
ELSEWHERE = {"builder", "npm", "terminal"}
SERVED_SECONDS_MAX = 60

pytestmark = [
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
    # The pages name ports, so they run in a network of their own.
    pytest.mark.skipif(network.objection() is not None, reason=str(network.objection())),
]


def checkout(folder: str) -> str:
    """A folder as `make setup build` leaves that of the sources, with npm's package where npm puts it."""
    here = os.path.join(folder, "checkout")
    os.makedirs(os.path.join(here, ".build", "release"))
    os.mkdir(os.path.join(here, "node_modules"))
    os.symlink(binary("berth"), os.path.join(here, ".build", "release", "berth"))
    os.symlink(os.path.join(ROOT, ".venv"), os.path.join(here, ".venv"))
    os.symlink(os.path.join(DRIVER, "package"), os.path.join(here, "node_modules", "playwright"))
    return here


class Reader:
    """Two terminals in the folder of the sources."""

    def __init__(self, folder: str):
        self.folder, self.here = folder, checkout(folder)
        self.processes: list[Process] = []

    async def __aenter__(self):
        # The network lives as long as this process.
        argv = ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep 3600"]
        keeper = await self.start("network", argv)
        await keeper.wait_for(where=lambda line: line.text == "up")
        path = f"{DRIVER}:{os.environ['PATH']}"
        inside = ["nsenter", "--net", "--target", str(keeper.pid)]
        self.shell = [*inside, "env", "--chdir", self.here, f"PATH={path}", "bash"]
        return self

    async def __aexit__(self, *_):
        for process in reversed(self.processes):
            await process.dispose()

    async def start(self, name, argv) -> Process:
        self.processes.append(await Process.start(name, argv, self.folder))
        return self.processes[-1]

    async def terminal(self, document) -> Process:
        """Runs the block of the other terminal; returns when it serves."""
        (block,) = [block for block in guide.blocks(document) if block.hosts == ["terminal"]]
        dev = await self.start("dev", [*self.shell, "-c", f"exec {block.text}"])
        line = await dev.wait_for(where=lambda line: line.text.startswith("berth dev: "), timeout=SERVED_SECONDS_MAX)
        said = re.search(r"^berth dev: (.*) …$", self.page(START), re.MULTILINE)[1]
        assert line.text.startswith(f"berth dev: {said}"), line.text
        return dev

    def page(self, document) -> str:
        with open(os.path.join(ROOT, document), encoding="utf-8") as file:
            return file.read()

    async def follow(self, document) -> list[str]:
        return await guide.follow(document, self.folder, {None: self.shell}, without=ELSEWHERE)


async def ends(dev: Process):
    """The records agree, then Ctrl-C."""
    redis = (await dev.wait_for(where=lambda line: line.get("redis"))).get("redis")
    audit = await run("audit", [binary("berth"), "audit", "--redis", redis], dev.folder)
    assert audit.code == 0, audit.output
    dev.signal(signal.SIGINT)
    assert await dev.exit(timeout=20) == 0, dev.tail()


async def test_five_minutes(folder):
    async with Reader(folder) as reader:
        dev = await reader.terminal(START)
        first, five, scale = await reader.follow(START)
        assert first.splitlines() == ["Hello first"], first
        assert sorted(five.splitlines()) == sorted(f"Hello {name}" for name in "one two three four five".split()), five
        # The same members as the page shows, with the numbers of a quiet fleet.
        (shown,) = re.findall(r'^\{"pool":.*$', reader.page(START), re.MULTILINE)
        answer = json.loads(scale)
        assert answer.keys() == json.loads(shown).keys() and answer["slots"] == 2 and answer["waiting"] == 0, answer
        assert len(dev.events("accept")) == 6 and dev.events("queued") and dev.events("refusal") == []
        await ends(dev)


async def test_playwright_for_python_and_node(folder):
    async with Reader(folder) as reader:
        dev = await reader.terminal(START)
        assert [output.strip() for output in await reader.follow(CLIENTS)] == ["Python", "Node.js"]
        assert [line.get("run") for line in dev.events("accept")] == ["nightly-7", "nightly-8"]
        await ends(dev)


async def test_keys_and_caps(folder):
    async with Reader(folder) as reader:
        # The client of the first page.
        block = next(block for block in guide.blocks(START) if "client.py <<" in block.text)
        with open(os.path.join(reader.here, "client.py"), "w", encoding="utf-8") as file:
            file.write(re.search(r"<<'END'\n(.*?)^END$", block.text, re.DOTALL | re.MULTILINE)[1])
        made, *others = [block for block in guide.blocks(TENANTS) if block.hosts == [None]]
        dev = None

        async def run(block, code=0):
            process = await reader.start(f"line-{block.line}", [*reader.shell, "-eu", "-c", block.text])
            assert await process.exit(timeout=60) == code, process.output
            return process.output

        assert (await run(made)).strip() in reader.page(TENANTS)
        assert os.stat(os.path.join(reader.here, "acme.key")).st_mode & 0o077 == 0
        dev = await reader.terminal(TENANTS)
        served, usage = others
        began = time.monotonic()
        assert sorted((await run(served)).splitlines()) == ["Hello one", "Hello three", "Hello two"]
        # One at a time, although two slots are free: each stays for a second.
        assert time.monotonic() - began > 3
        assert json.loads(await run(usage))["tenant"] == "acme"
        stranger = await reader.start("stranger", [*reader.shell, "-c", ".venv/bin/python client.py stranger"])
        assert await stranger.exit(timeout=60) == 1 and "unauthorized" in stranger.output, stranger.output
        await ends(dev)
