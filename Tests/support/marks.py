"""Processes of a worker's sidecars, found by the mark in their environment."""

import os


def marked(node: str) -> set[int]:
    """Living processes whose environment says that they belong to a worker of this node."""
    found = set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                environment = file.read()
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                state = file.read().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if f"BERTH_SIDECAR_NODE={node}".encode() in environment.split(b"\0") and state not in "ZX":
            found.add(int(name))
    return found
