"""What the machine itself does to whatever runs on it: how long a program that only reads the clock is kept from its core.

On a guest the host's other guests do it; nothing in this system can tell when they will, and no process is spared. Linux
counts it afterwards, in hundredths of a second.
"""

import json
import os
import subprocess
import sys
import time

NOTED_NS = 1_000_000


def away(core, seconds) -> list[float]:
    """The milliseconds of each time over 1 ms, in so many seconds on that core."""
    argv = [sys.executable, os.path.abspath(__file__), str(core), str(seconds)]
    return json.loads(subprocess.run(argv, check=True, capture_output=True, timeout=seconds + 10).stdout)


def stolen(core) -> float:
    """The seconds that the host has kept that core from this guest so far; nothing where it does not tell."""
    with open("/proc/stat", encoding="utf-8") as file:
        (line,) = [line for line in file if line.startswith(f"cpu{core} ")]
    return int(line.split()[8]) / os.sysconf("SC_CLK_TCK")


def watch(seconds) -> list[float]:
    found = []
    last = time.monotonic_ns()
    end = last + int(seconds * 1e9)
    while last < end:
        now = time.monotonic_ns()
        if now - last > NOTED_NS:
            found.append((now - last) / 1e6)
        last = now
    return found


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[1])})
    try:
        # As the benchmark's Redis.
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        pass
    print(json.dumps(watch(float(sys.argv[2]))))
