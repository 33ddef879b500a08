"""Kinds of sidecars with their real programs, through a gateway: a client of each protocol, then the next one."""

import asyncio
import json
import os
import shutil

import pytest
from support.client import frame, read_frame
from support.fleet import Fleet, binary, eventually
from support.marks import marked
from support.process import Process


def driver_package() -> str:
    """The package playwright-core that the Python package brings."""
    playwright = pytest.importorskip("playwright")
    return os.path.join(os.path.dirname(playwright.__file__), "driver", "package")


def commands() -> list[str]:
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                found.append(file.read().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return found


def needs(program: str):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


# A browser that starts beside other tests and a compiler takes its time. The bound is for a browser that hangs.
BROWSER_SECONDS = 120


class Caller:
    """A client that sends commands as JSON and reads their answers, as CDP and WebDriver BiDi have them."""

    def __init__(self, fleet: Fleet, name: str, path: str):
        self.client = fleet.client(name, path=path)
        self.number = 0

    async def __aenter__(self):
        await self.client.open()
        saw = await self.client.answer(timeout=BROWSER_SECONDS)
        assert saw.status == 101, f"{saw.status} {saw.body or saw.error}"
        return self

    async def __aexit__(self, *_):
        await self.client.finish()

    async def call(self, method: str, timeout=BROWSER_SECONDS, **params) -> dict:
        self.number += 1
        command = {"id": self.number, "method": method, "params": params}
        self.client.writer.write(frame(json.dumps(command).encode(), opcode=1))
        async with asyncio.timeout(timeout):
            while True:
                opcode, payload = await read_frame(self.client.reader)
                assert opcode == 1, payload
                answer = json.loads(payload)
                if answer.get("id") == self.number:
                    assert "result" in answer, answer
                    return answer["result"]


async def cdp_session(fleet: Fleet, name: str, path: str) -> dict:
    """Looks for a cookie of an earlier session, sets one, and returns what the browser says of itself."""
    async with Caller(fleet, name, path) as caller:
        seen = await caller.call("Storage.getCookies")
        assert seen["cookies"] == [], "a browser that another client used"
        cookie = {"name": "berth", "value": name, "url": "http://berth.test/"}
        await caller.call("Storage.setCookies", cookies=[cookie])
        assert len((await caller.call("Storage.getCookies"))["cookies"]) == 1
        info = await caller.call("SystemInfo.getProcessInfo")
        browser = next(process["id"] for process in info["processInfo"] if process["type"] == "browser")
        return {"pid": browser, **await caller.call("Browser.getVersion")}


@needs("chromium")
async def test_a_cdp_client_has_a_chromium_of_its_own(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        await fleet.worker({"web:chromium": 1}, kind="chromium", more=["--warm", "0"])
        await fleet.grantable(1, timeout=BROWSER_SECONDS)
        one = await cdp_session(fleet, "one", "/pool/web:chromium/")
        two = await cdp_session(fleet, "two", "/")
        assert one["product"] == two["product"] and one["product"].startswith("Chrome/")
        assert one["pid"] != two["pid"]
        await fleet.nothing_held(within=10)


HEADLESS = {"goog:chromeOptions": {"args": ["--headless=new", "--no-sandbox"]}}


@pytest.mark.parametrize(
    ("browser", "capabilities"),
    [
        pytest.param("firefox", {}, marks=needs("firefox-esr")),
        pytest.param("chromium", HEADLESS, marks=needs("chromedriver")),
    ],
)
async def test_a_bidi_client_has_a_browser_of_its_own(folder, browser, capabilities):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        node = f"bidi-{os.getpid()}"
        worker = await fleet.worker({f"web:{browser}": 1}, node, kind="bidi", more=["--warm", "0"])
        await fleet.grantable(1, timeout=BROWSER_SECONDS)
        sessions = set()
        for name in ("one", "two"):
            async with Caller(fleet, name, f"/session?label=web:{browser}") as caller:
                wanted = {"alwaysMatch": capabilities}
                sessions.add((await caller.call("session.new", capabilities=wanted))["sessionId"])
                context = await caller.call("browsingContext.create", type="tab")
                await caller.call(
                    "browsingContext.navigate", context=context["context"], url="data:text/html,x", wait="complete"
                )
                tree = await caller.call("browsingContext.getTree")
                assert len(tree["contexts"]) == 2, "pages of another client"
        assert len(sessions) == 2
        await fleet.nothing_held(within=10)
        # The browsers that chromedriver started too, although no client ended its session.
        assert await worker.terminate() == 0
        assert marked(node) == set()


def pools_file(folder: str, text: str) -> str:
    path = os.path.join(folder, "pools.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


async def test_a_lease_is_held_for_as_long_as_its_connection(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        file = pools_file(folder, "pools: {boards: {kind: lease, names: [board-1, board-2]}}\n")
        await fleet.worker({}, kind="lease", more=["--config", file])
        await fleet.grantable(2)
        clients = [await fleet.client(f"c{n}", path="/pool/boards/").open() for n in range(2)]
        held = [(await client.answer()).headers["x-berth-lease"] for client in clients]
        assert sorted(held) == ["board-1", "board-2"]
        waiting = await fleet.client("waiting", path="/pool/boards/").open()
        await fleet.queued("waiting")
        clients[0].writer.write(frame(b"anything") + frame(b"there?", opcode=9))
        assert await asyncio.wait_for(read_frame(clients[0].reader), 10) == (10, b"there?")
        await clients[0].finish()
        assert (await waiting.answer()).headers["x-berth-lease"] == held[0]
        clients[1].leave("rst")
        waiting.leave()
        await fleet.grantable(2)
        await fleet.nothing_held(within=10)
        assert await fleet.audit() == []


async def test_a_lease_ends_with_its_worker_in_words(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        worker = await fleet.worker({"licences": 1}, kind="lease", more=["--drain-timeout", "0s"])
        await fleet.grantable(1)
        client = await fleet.client("holder", path="/pool/licences/").open()
        assert (await client.answer()).headers["x-berth-lease"] == "0"
        assert await worker.terminate() == 0
        assert (await client.closed_by_peer()).startswith("closed: "), "an end without a reason"


async def browser_at(folder: str, port: int, name: str) -> tuple[Process, int]:
    """A Chromium that Berth did not start, and the port it listens on; 0 for any."""
    profile = os.path.join(folder, name)
    arguments = ["--headless=new", "--no-sandbox", "--no-first-run", f"--user-data-dir={profile}"]
    browser = await Process.start(name, ["chromium", f"--remote-debugging-port={port}", *arguments], folder)
    line = await browser.wait_for(where=lambda line: line.text.startswith("DevTools listening on "), timeout=BROWSER_SECONDS)
    return browser, int(line.text.split(":")[2].split("/")[0])


@needs("chromium")
async def test_a_browser_that_runs_already_is_attached(folder):
    async with Fleet(folder) as fleet:
        browser, port = await browser_at(folder, 0, "first")
        fleet.keep(browser)
        await fleet.gateway()
        file = pools_file(folder, f"pools: {{grid: {{kind: attach, attach: ['http://127.0.0.1:{port}']}}}}\n")
        await fleet.worker({}, kind="attach", more=["--config", file])
        await fleet.grantable(1)
        versions = []
        for name in ("one", "two"):
            async with Caller(fleet, name, "/pool/grid/") as caller:
                versions.append(await caller.call("Browser.getVersion"))
        assert versions[0] == versions[1] and browser.alive

        # The browser dies under its client, and another one takes its port, with another socket.
        async with Caller(fleet, "three", "/pool/grid/"):
            await browser.dispose()
            await fleet.wait_for("end", reason="sidecar_ended")

        async def trouble():
            return f"unreachable: http://127.0.0.1:{port}: " in json.dumps(await fleet.status())

        await eventually(trouble, 10, "the endpoint is named in status")
        again, _ = await browser_at(folder, port, "second")
        fleet.keep(again)
        await fleet.grantable(1, timeout=BROWSER_SECONDS)
        async with Caller(fleet, "four", "/pool/grid/") as caller:
            assert await caller.call("Browser.getVersion") == versions[0]
        await fleet.nothing_held(within=10)


async def test_a_shared_endpoint_serves_several_clients_at_once(folder):
    async with Fleet(folder) as fleet:
        server = fleet.keep(await Process.start("server", [binary("loadtest"), "echo"], folder))
        url = (await server.wait_for(where=lambda line: line.text.startswith("ws://"))).text.strip()
        await fleet.gateway()
        text = f"pools: {{grid: {{kind: attach, mode: shared, sessions: 3, attach: ['{url}']}}}}\n"
        await fleet.worker({}, kind="attach", more=["--config", pools_file(folder, text)])
        await fleet.grantable(3)
        clients = [await fleet.client(f"c{n}", path="/pool/grid/").open() for n in range(3)]
        for client in clients:
            assert (await client.answer()).status == 101 and await client.echo()
        waiting = await fleet.client("waiting", path="/pool/grid/").open()
        await fleet.queued("waiting")
        await clients[1].finish()
        assert (await waiting.answer()).status == 101 and await waiting.echo()
        assert await clients[0].echo() and await clients[2].echo() and server.alive
        for client in (clients[0], clients[2], waiting):
            await client.finish()
        await fleet.nothing_held(within=10)


@needs("node")
@needs("chromium")
async def test_playwright_is_found_beside_node(folder):
    package = os.path.join(folder, "lib", "node_modules", "playwright-core")
    os.makedirs(os.path.join(folder, "bin"))
    os.makedirs(os.path.dirname(package))
    os.symlink(driver_package(), package)
    os.symlink(shutil.which("node"), os.path.join(folder, "bin", "node"))
    env = {"VIRTUAL_ENV": os.path.join(folder, "none"), "PATH": f"{folder}/bin:/usr/bin:/bin"}
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        await fleet.worker({"web:chromium": 1}, kind="playwright", more=["--warm", "0"], env=env)
        await fleet.grantable(1, timeout=BROWSER_SECONDS)
        served = [line for line in commands() if f"{package}/cli.js launch-server" in line.replace("/bin/../", "/")]
        assert len(served) == 1, served
        with open(os.path.join(package, "package.json"), encoding="utf-8") as file:
            version = json.load(file)["version"]
        agent = {"user-agent": f"Playwright/{version} (x64; debian 12) python/3.11"}
        client = await fleet.client("one", path="/pool/web:chromium/", headers=agent).open()
        assert (await client.answer()).status == 101
        await client.finish()
        await fleet.nothing_held(within=10)
