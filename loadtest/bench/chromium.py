#!/usr/bin/env python3
"""What the first seconds of a headless Chromium cost, as a worker starts it and without the worker's list of features.

    python3 loadtest/bench/chromium.py [--rounds 5] [--bin .build/release]

The command line is that of a real worker's sidecar. CPU is that of the whole machine, so run it on an idle one; memory is
the PSS of the browser's processes.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

from browsers import ready
from processes import HERE, Bench

ROOT = os.path.dirname(os.path.dirname(HERE))
SECONDS = 2
LIST = "--disable-features="


def command_line(binaries) -> list[str]:
    """Of the first sidecar of a worker."""
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as folder, Bench(folder, binaries) as bench:
        worker, _ = bench.berth("chromium", "worker", "--kind", "chromium", "--pool", "web=1", fleet="chromium")
        ready(worker, 1)
        (pid,) = [line["pid"] for line in worker.events() if line.get("event") == "sidecar" and line["state"] == "ready"]
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            return file.read().rstrip("\0").split("\0")


def machine_seconds() -> float:
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, soft = map(int, file.readline().split()[1:8])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def pss(session) -> int:
    """Of all processes of a session."""
    found = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.getsid(int(name)) == session:
                with open(f"/proc/{name}/smaps_rollup", encoding="ascii") as file:
                    found += next(int(line.split()[1]) for line in file if line.startswith("Pss:")) * 1024
        except OSError:
            continue
    return found


def cost(arguments) -> tuple[float, int]:
    """Seconds of a core, and bytes, `SECONDS` after the browser's endpoint is there."""
    folder = tempfile.mkdtemp(prefix="berth-bench-")
    words = [f"--user-data-dir={folder}/profile" if word.startswith("--user-data-dir=") else word for word in arguments]
    before = machine_seconds()
    browser = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=dict(os.environ, HOME=folder, TMPDIR=folder))
    try:
        next(line for line in browser.stderr if line.startswith("DevTools listening on "))
        time.sleep(SECONDS)
        return machine_seconds() - before, pss(browser.pid)
    finally:
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()
        browser.stderr.close()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="browsers of each kind, by turns (5)")
    parser.add_argument("--bin", default=os.path.join(ROOT, ".build", "release"), help="folder of the binaries")
    options = parser.parse_args()
    ours = command_line(options.bin)
    variants = {"as a worker starts it": ours, "without its list": [word for word in ours if not word.startswith(LIST)]}
    assert len(ours) == len(variants["without its list"]) + 1, ours
    found = {name: [] for name in variants}
    for _ in range(options.rounds):
        for name, arguments in variants.items():
            found[name].append(cost(arguments))
    for name, runs in found.items():
        seconds, size = (statistics.median(column) for column in zip(*runs))
        print(f"{name}: {seconds:.2f} s of a core, {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
