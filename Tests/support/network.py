"""Networks of their own: Redis and gateways in one, a worker in another, joined by two cables that can be cut.

The test itself moves into the first network, so its gateways, its Redis and its clients are in it too.
"""

import ctypes
import os
import shutil
import subprocess

from .fleet import Fleet, Node
from .process import Process
from .redis_server import RedisServer

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)

# The near and the far end of each cable.
CABLES = {"redis": ("10.231.1.1", "10.231.1.2"), "gateway": ("10.231.2.1", "10.231.2.2")}
NOBODY = "02:00:00:00:00:01"
# In a network of its own every port is free.
REDIS_PORT = 6379
WORKER_PORT = 3131


def objection() -> str | None:
    """Why networks cannot be made here; nil if they can."""
    if os.geteuid() != 0:
        return "only root may make networks"
    for program in ("ip", "unshare", "nsenter"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    argv = ["unshare", "--net", "ip", "link", "add", "name", "near", "type", "veth", "peer", "name", "far"]
    tried = subprocess.run(argv, capture_output=True, check=False)
    return f"no right to make a network: {tried.stderr.decode().strip()}" if tried.returncode else None


def ip(*words: str, inside=()):
    subprocess.run([*inside, "ip", *words], check=True, capture_output=True)


class Apart(Fleet):
    """A fleet whose far workers are in another network than its Redis and its gateways."""

    def __init__(self, folder: str, **more):
        super().__init__(folder, **more)
        self.redis = RedisServer(folder, port=REDIS_PORT, host=CABLES["redis"][0])

    async def __aenter__(self):
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        assert libc.unshare(CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            ip("link", "set", "lo", "up")
            # The far network lives as long as this process.
            argv = ["unshare", "--net", "sh", "-c", "echo up; exec sleep 3600"]
            keeper = self.keep(await Process.start("network", argv, self.folder))
            await keeper.wait_for(where=lambda line: line.text == "up")
            self.inside = ["nsenter", "--net", "--target", str(keeper.pid)]
            ip("link", "set", "lo", "up", inside=self.inside)
            for name, (near, far) in CABLES.items():
                ip("link", "add", "name", name, "type", "veth", "peer", "name", name, "netns", str(keeper.pid))
                for address, inside in ((near, ()), (far, self.inside)):
                    ip("address", "add", f"{address}/24", "dev", name, inside=inside)
                    ip("link", "set", name, "up", inside=inside)
            return await super().__aenter__()
        except BaseException:
            await self.__aexit__()
            raise

    async def __aexit__(self, *_):
        try:
            await super().__aexit__()
        finally:
            libc.setns(self._home, CLONE_NEWNET)
            os.close(self._home)

    async def far_worker(self, pools, name="far", *, advertise=CABLES["gateway"][1], **more) -> Node:
        """A worker behind the cables. Gateways dial `advertise`, by default through their own cable."""
        address = f"{advertise}:{WORKER_PORT}" if advertise else None
        return await self.worker(
            pools, name, redis=f"redis://{CABLES['redis'][0]}:{REDIS_PORT}", host="0.0.0.0", listen=WORKER_PORT,
            advertise=address, inside=self.inside, **more,
        )

    def cut(self, *cables: str):
        """Both ends send to nobody: packets vanish, and nothing says so."""
        for name in cables:
            near, far = CABLES[name]
            for peer, inside in ((far, ()), (near, self.inside)):
                ip("neighbour", "replace", peer, "lladdr", NOBODY, "dev", name, "nud", "permanent", inside=inside)

    def heal(self, *cables: str):
        for name in cables:
            near, far = CABLES[name]
            for peer, inside in ((far, ()), (near, self.inside)):
                ip("neighbour", "del", peer, "dev", name, inside=inside)

