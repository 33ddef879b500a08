"""The memory part: what one waiting connection costs, by the proxy's PSS before and after."""

import socket
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
        time.sleep(0.1)


def park(bench: Bench, name, pid, address, target, waiting, waiters) -> dict:
    """One client holds the only slot, another waits; then `waiters` more wait."""
    first = bench.loadtest(f"first-{name}", "park", "--to", address, "--target", target, "--connections", "2")
    first.line()
    settle(waiting, 1)
    before = memory(pid)
    rest = bench.loadtest(f"park-{name}", "park", "--to", address, "--target", target, "--connections", str(waiters))
    sent = rest.ask("")
    settle(waiting, waiters + 1)
    after = memory(pid)
    rest.end()
    settle(waiting, 1)
    first.end()
    return {
        "waiters": waiters,
        "head_bytes": sent["head_bytes"],
        "pss": (after["pss"] - before["pss"]) / waiters,
        "rss": (after["rss"] - before["rss"]) / waiters,
    }


def haproxy(bench: Bench, number, waiters) -> dict:
    name = f"haproxy-{number}"
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
    found = park(bench, name, child.pid, address, "/echo", queued, waiters)
    child.end()
    return found


VARIANTS = {"haproxy": haproxy}


def measure(bench: Bench, *, rounds, waiters, only=None) -> dict:
    """variant → the runs, each with a fresh process."""
    runs: dict[str, list] = {name: [] for name in VARIANTS if only is None or name in only}
    for number in range(rounds):
        for name in runs:
            runs[name].append(VARIANTS[name](bench, number, waiters))
    return {"waiters": waiters, "runs": runs}
