"""Eight Playwright clients of two tenants share two browsers.

Starts `berth dev` with two Chromium slots and the tenants acme (cap 1) and globex (cap 2), lets four clients of each
connect at once, and shows who waits, who is served and where. Everything seen is written down, and a checker apart
from the product (check.py) decides by these records alone.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "Tests"))

from support.process import Ended, Process  # noqa: E402
from support.redis_server import Monitor  # noqa: E402
from table import Table  # noqa: E402

SLOTS = 2
CAPS = {"acme": 1, "globex": 2}
KEYS = {tenant: f"demo-key-of-{tenant}" for tenant in CAPS}
ARRIVALS = ["acme", "acme", "globex", "acme", "globex", "globex", "acme", "globex"]
PAGE = """<!doctype html><title>Berth</title><h1>A page</h1><button onclick="
document.querySelector('p').textContent = 'clicked by ' + new URLSearchParams(location.search).get('who')"
>Click</button><p>-</p>"""


def binary() -> str:
    """BERTH_BIN, else the newest build."""
    paths = [os.environ.get("BERTH_BIN", "")] + [os.path.join(ROOT, ".build", k, "berth") for k in ("release", "debug")]
    for path in paths:
        if path and os.access(path, os.X_OK):
            return path
    sys.exit("demo: no berth binary; run `make build` first")


def configuration() -> str:
    lines = ["tenants:"]
    for tenant, cap in CAPS.items():
        lines += [f"  {tenant}:", f"    cap: {cap}", f"    keys: [{hashlib.sha256(KEYS[tenant].encode()).hexdigest()}]"]
    return "\n".join(lines) + "\n"


async def page_server():
    async def serve(reader, writer):
        with contextlib.suppress(OSError, EOFError):
            await reader.readuntil(b"\r\n\r\n")
            fields = f"Content-Type: text/html\r\nContent-Length: {len(PAGE)}\r\nConnection: close\r\n"
            writer.write(f"HTTP/1.1 200 OK\r\n{fields}\r\n{PAGE}".encode())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


class Client:
    """One real Playwright client: connects, opens the page, clicks, reads, stays for a while, closes."""

    def __init__(self, number: int, tenant: str, stay: float):
        self.stay = stay
        self.name = f"client-{number}"
        self.tenant = tenant
        # Every other client names its key in the query, the others in a header.
        self.by_query = number % 2 == 0
        self.record = {"name": self.name, "tenant": tenant, "ok": False, "error": "", "read": ""}

    async def run(self, playwright, gateway: str, page_port: int):
        record = self.record
        record["began"] = time.monotonic()
        url, headers = f"ws://{gateway}/", {"x-berth-run": self.name}
        if self.by_query:
            url += f"?token={KEYS[self.tenant]}"
        else:
            headers["Authorization"] = f"Bearer {KEYS[self.tenant]}"
        try:
            browser = await playwright.chromium.connect(url, headers=headers, timeout=90_000)
            record["connected"] = time.monotonic()
            page = await browser.new_page()
            await page.goto(f"http://127.0.0.1:{page_port}/?who={self.name}")
            await page.click("button")
            record["read"] = await page.inner_text("p")
            await asyncio.sleep(self.stay)
            await browser.close()
            record["ok"] = record["read"] == f"clicked by {self.name}"
        except Exception as error:  # Whatever the client was told is the record.
            record["error"] = str(error).strip()
        record["ended"] = time.monotonic()


async def connect_all(clients, playwright, dev: Process, gateway, page_port):
    """One after another enters the queue; then all run at once."""
    tasks = []
    for client in clients:
        tasks.append(asyncio.create_task(client.run(playwright, gateway, page_port)))
        accepted = asyncio.create_task(dev.wait_for("accept", run=client.name, timeout=30))
        await asyncio.wait({accepted, tasks[-1]}, return_when=asyncio.FIRST_COMPLETED)
        accepted.cancel()
        with contextlib.suppress(Ended, asyncio.CancelledError):
            await accepted
    await asyncio.gather(*tasks)


async def run_all(folder: str, address: str, stay: float) -> list[Client]:
    from playwright.async_api import async_playwright

    config = os.path.join(folder, "berth.yaml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(configuration())
    argv = [binary(), "dev", "--slots", str(SLOTS), "--listen", address, "--admin-listen", "127.0.0.1:0"]
    argv += ["--config", config]
    driver = os.path.dirname(os.path.abspath(sys.modules["playwright"].__file__)) + "/driver"
    if os.path.isdir(driver):
        argv += ["--playwright-driver", driver]
    clients = [Client(number + 1, tenant, stay) for number, tenant in enumerate(ARRIVALS)]
    dev = await Process.start("berth-dev", argv, folder)
    server, page_port = await page_server()
    try:
        line = await dev.wait_for(where=lambda line: line.get("redis"), timeout=60)
        monitor = await Monitor(line.get("redis").removeprefix("unix://")).start()
        gateway = line.get("gateway") or line.get("address")
        # Its words to people come once the pool is known: before, a client would be refused.
        await dev.wait_for(where=lambda other: "behind ws://" in other.text, timeout=60)
        print(f"The live page: http://{(await dev.wait_for('admin')).get('address')}/\n", flush=True)
        with Table(dev, clients, SLOTS) as table:
            async with async_playwright() as playwright:
                await connect_all(clients, playwright, dev, gateway, page_port)
                # The last session's end stands in the log a moment after its client's.
                with contextlib.suppress(Ended):
                    await dev.wait_for(where=lambda _: table.ended() >= len(clients), timeout=5)
        await monitor.stop()
        dev.signal(signal.SIGINT)
        code = await dev.exit(30)
    finally:
        await dev.dispose()
        server.close()
    write_records(folder, clients, dev, monitor, code)
    return clients


def write_records(folder, clients, dev, monitor, code):
    with open(os.path.join(folder, "clients.json"), "w", encoding="utf-8") as file:
        json.dump({"caps": CAPS, "slots": SLOTS, "exit": code, "clients": [c.record for c in clients]}, file, indent=1)
    with open(os.path.join(folder, "log.jsonl"), "w", encoding="utf-8") as file:
        file.writelines(line.text + "\n" for line in dev.lines if line.fields)
    with open(os.path.join(folder, "monitor.jsonl"), "w", encoding="utf-8") as file:
        for at, source, arguments in monitor.entries:
            file.write(json.dumps([at, source, [a.decode("latin-1") for a in arguments]]) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", default=os.path.join(ROOT, ".demo"), help="where the records go (default .demo)")
    parser.add_argument("--listen", default="127.0.0.1:0", help="where berth dev listens (default: any free port)")
    parser.add_argument(
        "--stay", type=float, default=3.0 if sys.stdout.isatty() else 0.0,
        help="seconds that a client stays on its page (default: 3 on a terminal, so that the line can be watched)")
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    os.makedirs(options.folder)
    began = time.monotonic()
    try:
        asyncio.run(run_all(options.folder, options.listen, options.stay))
    except Ended as error:
        sys.exit(f"demo: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    print(f"\n{time.monotonic() - began:.1f} s; records in {os.path.relpath(options.folder)}/. Now the checker:\n")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, os.path.join(HERE, "check.py"), options.folder])


if __name__ == "__main__":
    main()
