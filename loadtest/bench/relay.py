"""The relay part: messages and bulk through each proxy by turns, CPU of the proxy per operation."""

import time
from dataclasses import dataclass

import peers
from processes import Bench, Child

CONNECTIONS = 64
# Echoes, sources and sinks.
SETS = 3
WARM_UP_MS = 250
# Ten of the kernel's ticks: below that their coarseness shows.
CPU_SECONDS_MIN = 0.1
TRIES = 5
BUFFER = 16 * 1024  # HAProxy's default

# name → (command, what one operation is)
WORKLOADS = {
    "1 connection, 64 B": ("ping 64 1", "message"),
    "64 connections, 64 B": ("ping 64 64", "message"),
    "1 connection, 1 KiB": ("ping 1024 1", "message"),
    "64 connections, 1 KiB": ("ping 1024 64", "message"),
    "1 connection, 64 KiB": ("ping 65536 1", "message"),
    "64 connections, 64 KiB": ("ping 65536 64", "message"),
    "bulk to the client": ("down", "byte"),
    "bulk from the client": ("up", "byte"),
}


@dataclass
class Variant:
    name: str
    load: Child
    pids: list[int]


def haproxy(bench: Bench, name, peer, bufsize) -> Variant:
    child, address, _ = bench.haproxy(name, peer=peer, slots=CONNECTIONS * SETS, bufsize=bufsize)
    return Variant(name, opened(bench, name, address), [child.pid])


def other(bench: Bench, name, peer) -> Variant:
    child, address = peers.start(bench, peers.PEERS[name], peer)
    return Variant(name, opened(bench, name, address), [child.pid])


def haproxy_twice(bench: Bench, name, peer) -> Variant:
    """Two in a row: two hops, as through gateway and worker."""
    inner, between, _ = bench.haproxy(f"{name}-inner", peer=peer, slots=CONNECTIONS * SETS, bufsize=64 * 1024)
    outer, address, _ = bench.haproxy(name, peer=between, slots=CONNECTIONS * SETS, bufsize=64 * 1024)
    return Variant(name, opened(bench, name, address), [outer.pid, inner.pid])


def bare(bench: Bench, name, peer) -> Variant:
    child = bench.loadtest(name, "relay", "--to", peer, core=bench.proxy_core)
    return Variant(name, opened(bench, name, child.line()), [child.pid])


def opened(bench: Bench, name, address, prefix="", *more, connections=CONNECTIONS) -> Child:
    """A generator with so many connections in each of its sets."""
    arguments = ["--to", address, "--connections", str(connections), "--prefix", prefix, *more]
    load = bench.loadtest(f"load-{name}", "load", *arguments)
    load.line()
    return load


def gateway(bench: Bench, name, peer) -> Variant:
    """A gateway alone: what stands for the worker is the peer itself, on the load's core."""
    worker = bench.worker_without_sidecars(name, slots=CONNECTIONS * SETS)
    child, address = bench.berth(f"gateway-{name}", "gateway", fleet=name)
    worker.wait_for("registered")
    return Variant(name, opened(bench, name, address, f"/pool/{bench.pool}"), [child.pid])


def gateway_and_worker(bench: Bench, name, peer) -> Variant:
    """Gateway and worker; each slot's sidecar is a program that names the peer all variants share."""
    command = f"/bin/sh -c 'echo ws://{peer}; exec sleep 3600'"
    worker, _ = bench.berth(
        f"worker-{name}", "worker", "--kind", "command", "--command", command,
        "--pool", f"{bench.pool}={CONNECTIONS * SETS}", fleet=name)
    child, address = bench.berth(f"gateway-{name}", "gateway", fleet=name)
    return Variant(name, opened(bench, name, address, f"/pool/{bench.pool}"), [child.pid, worker.pid])


VARIANTS = {
    "haproxy": lambda b, n, peer: haproxy(b, n, peer, BUFFER),
    "haproxy-64k": lambda b, n, peer: haproxy(b, n, peer, 64 * 1024),
    "haproxy-64k-twice": haproxy_twice,
    **dict.fromkeys(peers.PEERS, other),
    "relay": bare,
    "gateway": gateway,
    "gateway-worker": gateway_and_worker,
}


def run(variant: Variant, command, window_ms) -> dict:
    """On a machine that others use a proxy may get hardly any CPU: such a run says nothing and is taken again."""
    pids = ",".join(map(str, variant.pids))
    for _ in range(TRIES):
        result = variant.load.ask(f"{command} {WARM_UP_MS} {window_ms} {pids}")
        if result["cpu_seconds"] >= CPU_SECONDS_MIN:
            return result
    raise SystemExit(f"bench: {command} through {variant.name} got hardly any CPU, is the machine busy? {result}")


def measure(bench: Bench, *, rounds, window_ms, until, only=None) -> dict:
    """workload → variant → the runs, one a round: operations and CPU seconds. No round begins after `until`."""
    peer = bench.peer()
    variants = [make(bench, name, peer) for name, make in VARIANTS.items() if only is None or name in only]
    runs = {workload: {variant.name: [] for variant in variants} for workload in WORKLOADS}
    number = 0
    while number < rounds and (number == 0 or time.monotonic() < until):
        # Every other round backwards: what drifts within a round meets each variant from both sides.
        order = variants if number % 2 == 0 else variants[::-1]
        for workload, (command, _) in WORKLOADS.items():
            for variant in order:
                runs[workload][variant.name].append(run(variant, command, window_ms))
        number += 1
    return {"connections": CONNECTIONS, "window_ms": window_ms, "rounds": number, "runs": runs}
