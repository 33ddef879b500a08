"""A real Prometheus with a configuration of its own, and promtool."""

import asyncio
import os
import re
import shutil

import aiohttp

from .fleet import ROOT
from .process import Process

LISTENING = re.compile(r'msg="Listening on" address=(127\.0\.0\.1:\d+)')


def program(name: str) -> str:
    """The path of `prometheus` or `promtool`."""
    path = shutil.which(name) or os.path.join(ROOT, ".build-prometheus", "usr", "bin", name)
    assert os.access(path, os.X_OK), f"no {name}: run scripts/setup metrics"
    return path


class Prometheus:
    """A server on a free port, with its data in `folder`."""

    def __init__(self, folder: str, config: str):
        self.folder = folder
        self.config = config
        self.process: Process | None = None

    async def start(self):
        argv = [program("prometheus"), f"--config.file={self.config}", f"--storage.tsdb.path={self.folder}/prometheus"]
        argv += ["--web.listen-address=127.0.0.1:0", "--log.format=logfmt"]
        self.process = await Process.start("prometheus", argv, self.folder)
        line = await self.process.wait_for(where=lambda line: LISTENING.search(line.text), timeout=30)
        self.url = f"http://{LISTENING.search(line.text)[1]}/api/v1"
        await self.process.wait_for(where=lambda line: "ready to receive web requests" in line.text, timeout=30)
        return self

    async def dispose(self):
        if self.process:
            await self.process.dispose()

    async def _get(self, path: str, **parameters):
        async with asyncio.timeout(20), aiohttp.ClientSession() as session:
            async with session.get(f"{self.url}/{path}", params=parameters) as answer:
                body = await answer.json()
                assert body["status"] == "success", f"{parameters}: {body}"
                return body["data"]

    async def values(self, query: str) -> list[float]:
        """What an expression has now, a number for each series."""
        return [float(each["value"][1]) for each in (await self._get("query", query=query))["result"]]

    async def history(self, query: str, began: float, ended: float) -> list[list[float]]:
        """What an expression had in each second of that time, a list for each series."""
        data = await self._get("query_range", query=query, start=began, end=ended, step=1)
        return [[float(value) for _, value in each["values"]] for each in data["result"]]

    async def alerts(self) -> list[dict]:
        """Alerts that fire."""
        return [each for each in (await self._get("alerts"))["alerts"] if each["state"] == "firing"]

    async def rules(self) -> list[dict]:
        return [rule for group in (await self._get("rules"))["groups"] for rule in group["rules"]]
