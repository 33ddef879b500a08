"""The second memory part: one relayed connection, by the PSS of gateway, worker and HAProxy before and after."""

import statistics

import relay
from parking import memory
from processes import Bench, Child

# A worker has at most 1,024 slots.
WORKERS = 3
SLOTS = 1_010
# They come 300 at a time, so that calls that wait for Redis take no memory. One generator has a part of them. The
# connections of its first set exchange messages.
GENERATORS = 10
CONNECTIONS = 100
COUNT = GENERATORS * CONNECTIONS * relay.SETS
# The aim for the gateway's share.
BYTES_MAX = 1_024


def sums(children: list[Child]) -> int:
    return sum(memory(child.pid)["pss"] for child in children)


def grown(bench: Bench, name, address, prefix, parts: dict[str, list[Child]]) -> dict:
    """part → bytes of PSS of one connection."""
    # What the first connections make a process allocate is not counted.
    first = relay.opened(bench, f"{name}-first", address, prefix, connections=1)
    first.ask(f"ping 64 1 100 100 {first.pid}")
    before = {part: sums(children) for part, children in parts.items()}
    loads = [first]
    for number in range(GENERATORS):
        load = relay.opened(bench, f"{name}-{number}", address, prefix, connections=CONNECTIONS)
        load.ask(f"ping 64 {CONNECTIONS} 100 100 {load.pid}")
        loads.append(load)
    found = {part: (sums(children) - before[part]) / COUNT for part, children in parts.items()}
    for load in loads:
        load.end()
    return found


def haproxy(bench: Bench, name, peer) -> dict:
    child, address, _ = bench.haproxy(name, peer=peer, slots=WORKERS * SLOTS, bufsize=relay.BUFFER)
    found = grown(bench, name, address, "", {"haproxy": [child]})
    child.end()
    return found


def berth(bench: Bench, name, peer) -> dict:
    """Each sidecar is a program that names the peer, so that no worker holds the peer's memory."""
    command = f"/bin/sh -c 'echo ws://{peer}; exec sleep 3600'"
    workers = [
        bench.berth(
            f"{name}-worker{number}", "worker", "--kind", "command", "--command", command, "--mode", "shared",
            "--sessions", "100", "--max-sessions", "1000000", "--pool", f"{bench.pool}={SLOTS}", fleet=name)[0]
        for number in range(WORKERS)
    ]
    gateway, address = bench.berth(name, "gateway", fleet=name)
    found = grown(
        bench, f"{name}-load", address, f"/pool/{bench.pool}", {"gateway": [gateway], "worker": workers})
    for child in (gateway, *workers):
        child.end()
    return found


def measure(bench: Bench, *, rounds) -> dict:
    """part → bytes, one value for each round, with fresh processes."""
    peer = bench.peer()
    runs: dict[str, list[float]] = {"haproxy": [], "gateway": [], "worker": []}
    for number in range(rounds):
        order = (haproxy, berth) if number % 2 == 0 else (berth, haproxy)
        for run in order:
            for part, each in run(bench, f"relayed-{run.__name__}-{number}", peer).items():
                runs[part].append(each)
    return {"rounds": rounds, "connections": COUNT, "runs": runs}


def faults(found) -> list[str]:
    each = statistics.median(found["runs"]["gateway"])
    if each <= BYTES_MAX:
        return []
    return [f"a relayed connection takes {each:.0f} bytes of the gateway's memory: at most {BYTES_MAX} is the aim"]
