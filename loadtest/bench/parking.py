"""The memory part: what one waiting connection costs, by the proxy's PSS before and after."""

import json
import socket
import subprocess
import time

from processes import Bench


def memory(pid) -> dict:
    """Bytes of a process: proportional and resident."""
    found = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            key, _, rest = line.partition(":")
            if key in ("Pss", "Rss"):
                found[key.lower()] = int(rest.split()[0]) * 1024
    return found


def settle(count, want, timeout=60.0):
    """Waits until `count()` is `want`."""
    end = time.monotonic() + timeout
    while (now := count()) != want:
        if time.monotonic() > end:
            raise SystemExit(f"bench: {now} of {want} connections wait after {timeout} s")
        time.sleep(0.02)


def park(bench: Bench, name, pid, address, target, waiting, waiters, step) -> dict:
    """One client holds the only slot, another waits; then `waiters` more come, `step` at a time."""
    load = bench.loadtest(f"park-{name}", "park", "--to", address, "--target", target)
    sent = load.ask("2")
    settle(waiting, 1)
    before = memory(pid)
    for count in range(step, waiters + 1, step):
        load.ask(str(step))
        settle(waiting, count + 1)
    after = memory(pid)
    load.end()
    return {
        "waiters": waiters,
        "step": step,
        "head_bytes": sent["head_bytes"],
        "pss": (after["pss"] - before["pss"]) / waiters,
        "rss": (after["rss"] - before["rss"]) / waiters,
    }


def haproxy(bench: Bench, name, waiters, step) -> dict:
    child, address, stats = bench.haproxy(name, peer=bench.peer(), slots=1, bufsize=16 * 1024)

    def queued() -> int:
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(stats)
            one.sendall(b"show stat\n")
            text = b"".join(iter(lambda: one.recv(65536), b"")).decode()
        rows = [line.split(",") for line in text.splitlines() if line]
        column = rows[0].index("qcur")
        return next(int(row[column]) for row in rows if row[0] == "peers" and row[1] == "BACKEND")

    deadline = time.monotonic() + 5
    while True:
        try:
            queued()
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    found = park(bench, name, child.pid, address, "/echo", queued, waiters, step)
    child.end()
    return found


def waiting(bench: Bench, fleet) -> int:
    """Clients in the queue of a fleet."""
    argv = [bench.binary("berth"), "status", "--json", "--redis", bench.redis(), "--fleet", fleet]
    return json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)["waiting"]


def gateway(bench: Bench, name, waiters, step) -> dict:
    worker = bench.worker_without_sidecars(name, slots=1)
    child, address = bench.berth(name, "gateway", fleet=name)
    worker.wait_for("registered")

    found = park(
        bench, name, child.pid, address, f"/pool/{bench.pool}/echo", lambda: waiting(bench, name), waiters, step)
    child.end()
    worker.end()
    return found


# Clients come as fast as they are queued, or all at once: then the calls that wait for Redis take memory too, which
# the process keeps and uses again.
STEP = 500
VARIANTS = {
    "haproxy": (haproxy, False),
    "haproxy, all at once": (haproxy, True),
    "gateway": (gateway, False),
    "gateway, all at once": (gateway, True),
}


def measure(bench: Bench, *, rounds, waiters, only=None) -> dict:
    """variant → the runs, each with a fresh process."""
    runs: dict[str, list] = {name: [] for name in VARIANTS if only is None or name.split(",")[0] in only}
    for number in range(rounds):
        for name in runs:
            run, at_once = VARIANTS[name]
            step = waiters if at_once else min(STEP, waiters)
            runs[name].append(run(bench, f"{name.replace(', ', '-').replace(' ', '-')}-{number}", waiters, step))
    return {"waiters": waiters, "rounds": rounds, "runs": runs}
