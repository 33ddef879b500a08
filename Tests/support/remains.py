"""What sessions may leave behind at a worker and a gateway: processes, folders, descriptors, keys, memory."""

import os
from collections import Counter

from .fleet import Fleet, Node


def parents() -> dict[int, int]:
    """Living processes → their parents."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                state, parent = file.read().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state not in "ZX":
            found[int(name)] = int(parent)
    return found


def children(pid: int) -> list[int]:
    return [child for child, parent in parents().items() if parent == pid]


def words_of(pid: int) -> list[str]:
    """The command line of a process; empty if it is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode("utf-8", "replace").split("\0")
    except OSError:
        return []


def profile_of(pid: int) -> str:
    """The profile of a Chromium, from its command line."""
    found = [word.partition("=")[2] for word in words_of(pid) if word.startswith("--user-data-dir=")]
    assert len(found) == 1, f"process {pid}: {words_of(pid)}"
    return found[0]


def resident_bytes(node: Node) -> int:
    return memory(node, "VmRSS")


def peak_bytes(node: Node) -> int:
    """The most memory that the process ever had."""
    return memory(node, "VmHWM")


def memory(node: Node, field: str) -> int:
    with open(f"/proc/{node.pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(f"{field}:")) * 1024


class Remains:
    """A fleet of one gateway and one worker, whose temporary folder is `temporary`."""

    def __init__(self, fleet: Fleet, temporary: str):
        self.fleet = fleet
        self.temporary = temporary
        self.worker, self.gateway = fleet.workers[0], fleet.gateways[0]

    def work_folders(self) -> list[str]:
        """Folders of starts of sidecars, and anything else that is in the temporary folder."""
        found = []
        for name in os.listdir(self.temporary):
            inside = os.path.join(self.temporary, name)
            found += [f"{name}/{entry}" for entry in os.listdir(inside)] if os.path.isdir(inside) else [name]
        return [entry for entry in found if not entry.endswith("/owner")]

    def strays(self) -> list[int]:
        """Processes that use the temporary folder, and have no sidecar of the worker above them."""
        above = parents()
        return [pid for pid in above if not self._is_below(pid, above) and self._uses_folder(pid)]

    def _is_below(self, pid: int, above: dict[int, int]) -> bool:
        while pid in above:
            pid = above[pid]
            if pid == self.worker.pid:
                return True
        return False

    def _uses_folder(self, pid: int) -> bool:
        return any(self.temporary + "/" in word for word in words_of(pid))

    async def now(self) -> dict:
        """Equal at two moments at which no client is there, if nothing was left in between."""
        return {
            "sidecars": len(children(self.worker.pid)),
            "strays": self.strays(),
            "work folders": len(self.work_folders()),
            "descriptors of the worker": len(os.listdir(f"/proc/{self.worker.pid}/fd")),
            "descriptors of the gateway": len(os.listdir(f"/proc/{self.gateway.pid}/fd")),
            "keys": await self.keys(),
        }

    async def keys(self) -> dict[str, int]:
        """Redis' keys by kind, but for those of selectors, which Redis forgets a while after their last client."""
        names = [key.partition("}:")[2] for key in await self.fleet.redis.keys()]
        kinds = Counter(name.partition(":")[0] for name in names if not name.endswith(":selectors"))
        return {kind: kinds[kind] for kind in sorted(kinds) if kind not in ("selector", "selectors", "idle")}

    def memory(self) -> dict[str, int]:
        return {"worker": resident_bytes(self.worker), "gateway": resident_bytes(self.gateway)}
