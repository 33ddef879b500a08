"""A release of the chart whose pods are processes of this machine."""

import os

from .chart_pod import ChartPod
from .fleet import binary
from .helm_chart import Rendered, component
from .process import Process
from .sentinels import free_ports

# Addresses of this machine.
HERE = {"BERTH_GATEWAY_LISTEN": "127.0.0.1:0", "PRIVATE_HOSTNAME": "127.0.0.1", "BERTH_ADMIN_LISTEN": "127.0.0.1:0"}


class ChartRelease:
    """A release whose pods are processes of this machine."""

    def __init__(self, folder: str, values: dict, given=None):
        self.folder = folder
        self.rendered = Rendered(values)
        self.templates = {component(pod): pod for pod in self.rendered.pods()}
        self.given = given or {}
        self.processes = []

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        for process in reversed(self.processes):
            await process.dispose()

    def pod(self, name: str) -> ChartPod:
        return ChartPod(self.rendered, self.templates[name], os.path.join(self.folder, name), self.given)

    async def start(self, name: str, argv, **environment) -> Process:
        process = await Process.start(name, argv, self.folder, env=environment)
        self.processes.append(process)
        return process

    async def redis(self) -> int:
        """Starts Redis by the pod's command; gateways and workers get its address on this machine."""
        pod, port = self.pod("redis"), free_ports(1)[0]
        program, file, *rest = pod.container["command"]
        with open(pod.path(file), encoding="ascii") as conf:
            text = conf.read()
        assert text.startswith("dir /data\n")
        with open(pod.path(file), "w", encoding="ascii") as conf:
            conf.write(text.replace("dir /data", f"dir {pod.path('/data')}"))
        here = ["--bind", "127.0.0.1", "--port", str(port)]
        process = await self.start("redis", [program, pod.path(file), *rest, *here])
        await process.wait_for(where=lambda line: "eady to accept connections" in line.text)
        url = self.rendered.secret("demo-berth-redis")["url"]
        self.given["demo-berth-redis"] = self.rendered.secret("demo-berth-redis") | {
            "url": url.replace("demo-berth-redis:6379", f"127.0.0.1:{port}")
        }
        return port

    async def berth(self, name: str, *, inside=(), image=None, **more) -> Process:
        """Starts a gateway or worker. `inside` is the command that runs it, `image` the environment of its image."""
        pod = self.pod(name)
        here = HERE | {"BERTH_WORKER_LISTEN": f"127.0.0.1:{free_ports(1)[0]}"} | more
        environment = (image or {}) | pod.environment | here
        process = await self.start(name, [*inside, binary("berth"), pod.role], **environment)
        line = await process.wait_for("listening", timeout=15)
        process.port = int(line.get("address").rpartition(":")[2])
        await process.wait_for("registered", timeout=15)
        admin = await process.wait_for("admin", timeout=15)
        process.admin = int(admin.get("address").rpartition(":")[2])
        return process
