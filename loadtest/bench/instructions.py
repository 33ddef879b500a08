"""The part of instructions: those of a gateway and of a worker for one connect, without the kernel's.

They are counted by valgrind's callgrind, and two runs differ by less than 1 %, also on a busy machine. So a change of a
few per cent shows, which the CPU time of the connect part cannot show.
"""

import glob
import os
import re
import shutil
import subprocess

import connects
import handoff
from processes import Bench

# They come a few at a time, so that the program under valgrind keeps up.
AT_ONCE = 8
FIRST = 100
TIMEOUT_SECONDS = 60.0
PROCESSES = ("gateway", "worker")


def counted(bench: Bench, name, *, count) -> float:
    """Instructions of one process for a connect. The other process runs as usual."""
    path = os.path.join(bench.folder, f"callgrind-{name}")
    under = {name: ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={path}"]}
    address, children = handoff.berth(bench, connects.SLOTS, under=under, timeout=TIMEOUT_SECONDS)
    load = bench.loadtest(f"counted-{name}", "handoff", "--to", address, "--target", handoff.TARGETS["berth"])
    child = children[PROCESSES.index(name)]

    def control(*words):
        subprocess.run(["callgrind_control", *words, str(child.pid)], check=True, stdout=subprocess.DEVNULL)

    load.ask(f"connect {FIRST} {AT_ONCE} {child.pid}")
    control("--instr=on")
    load.ask(f"connect {count} {AT_ONCE} {child.pid}")
    control("--instr=off")
    control("--dump")
    (written,) = glob.glob(path + ".*")
    with open(written, encoding="utf-8") as file:
        total = int(re.search(r"^totals: (\d+)$", file.read(), re.MULTILINE)[1])
    for one in (load, *children):
        one.end()
    return total / count


def measure(bench: Bench, *, count) -> dict:
    if not shutil.which("valgrind"):
        raise SystemExit("bench: no valgrind; run scripts/setup bench")
    return {"count": count, "each": {name: counted(bench, name, count=count) for name in PROCESSES}}
