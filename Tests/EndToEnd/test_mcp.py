"""The Playwright MCP server that Playwright's driver brings: two agents share a slot, a third is refused."""

import asyncio
import hashlib
import os
import re
import shutil

import pytest
from support.fleet import ROOT, Fleet
from support.mcp import ToolServer
from test_playwright import DRIVER

MCP = [os.path.join(DRIVER, "node"), os.path.join(DRIVER, "package", "cli.js"), "mcp"]
SECONDS_MAX = 300
# Longer than a tool call on a busy machine: the time of a call counts too.
IDLE_MILLISECONDS = "20000"

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")


async def reads(agent, title):
    went, words = await agent.tool("browser_navigate", url=f"data:text/html,<title>{title}</title>")
    assert went and f"Page Title: {title}" in words, words


async def test_agents_take_turns(folder):
    async with Fleet(folder) as fleet, asyncio.timeout(SECONDS_MAX):
        gateway = await fleet.gateway()
        await fleet.worker({"web:chromium": 1}, kind="playwright", more=["--warm", "0", "--playwright-driver", DRIVER])
        await fleet.grantable(1, timeout=SECONDS_MAX)

        async def start(query, *more):
            argv = [*MCP, "--endpoint", f"ws://127.0.0.1:{gateway.port}/?{query}", *more]
            return await fleet.keep(ToolServer(argv, folder)).start()

        first = await start("run=first")
        second = await start("run=second", "--idle-timeout", IDLE_MILLISECONDS)
        third = await start("run=third&wait=0")
        # No server takes a slot before its first tool call.
        assert fleet.lines("accept") == []
        await reads(first, "one")
        waiting = asyncio.create_task(reads(second, "two"))
        await fleet.queued("second", SECONDS_MAX)
        went, words = await third.tool("browser_navigate", url="data:text/html,three")
        assert not went and "would_wait" in words and "wait=0 was asked" in words
        assert not waiting.done()

        went, words = await first.tool("browser_close")
        assert went, words
        await waiting
        # The first waits again, at its next tool call, until the second has been idle.
        again = asyncio.create_task(reads(first, "three"))
        await fleet.wait_for("end", run="first", outcome="served")
        await again
        await fleet.wait_for("end", run="second", outcome="served")
        await first.finish()
        await fleet.nothing_held(within=10)


async def test_the_documented_file_keeps_the_key_out_of_the_command_line(folder):
    with open(os.path.join(ROOT, "docs/start/agents.md"), encoding="utf-8") as file:
        (sample,) = re.findall(r"^\{.*remoteEndpoint.*$", file.read(), re.MULTILINE)
    key = "key-of-acme"
    tenants = {"acme": {"keys": [hashlib.sha256(key.encode()).hexdigest()]}}
    async with Fleet(folder, tenants=tenants) as fleet, asyncio.timeout(SECONDS_MAX):
        gateway = await fleet.gateway()
        await fleet.worker({"web:chromium": 1}, kind="playwright", more=["--warm", "0", "--playwright-driver", DRIVER])
        await fleet.grantable(1, timeout=SECONDS_MAX)
        path = os.path.join(folder, "berth-mcp.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(sample.replace("gateway:8080", f"127.0.0.1:{gateway.port}").replace("KEY", key))
        server = await fleet.keep(ToolServer([*MCP, "--config", path, "--idle-timeout", "300000"], folder)).start()
        await reads(server, "one")
        assert [line.get("tenant") for line in fleet.lines("accept")] == ["acme"]
        await server.finish()
        await fleet.nothing_held(within=10)
