"""The part of a gateway's death: killed with all slots in session and restarted at once, how long until all are usable.

A slot is usable if it serves a new client. The new clients come when the new process listens. Each keeps its slot, so
that the last one is served when every slot has served one. HAProxy dies and restarts in the same way.
"""

import os
import select
import signal
import socket
import time

import handoff
from processes import Bench, Child

SLOTS = 64
TIMEOUT_SECONDS = 30
# The aim, in milliseconds.
MILLISECONDS_MAX = 1_000


class Clients:
    """As many clients as there are slots; each stays."""

    def __init__(self, address, target):
        host, _, port = address.rpartition(":")
        head = (
            f"GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ).encode()
        self.sockets = []
        for _ in range(SLOTS):
            sock = socket.create_connection((host, int(port)), timeout=TIMEOUT_SECONDS)
            sock.sendall(head)
            self.sockets.append(sock)

    def served(self) -> list[float]:
        """The time at which each client got its 101, in order."""
        waiting = {sock.fileno(): sock for sock in self.sockets}
        poll = select.poll()
        for number in waiting:
            poll.register(number, select.POLLIN)
        until = time.monotonic() + TIMEOUT_SECONDS
        found = []
        while waiting:
            left = until - time.monotonic()
            if left <= 0:
                raise SystemExit(f"bench: {len(waiting)} of {SLOTS} clients were not served after a restart")
            for number, _ in poll.poll(left * 1_000):
                answer = waiting.pop(number).recv(4_096)
                if not answer.startswith(b"HTTP/1.1 101 "):
                    raise SystemExit(f"bench: a client was refused after a restart: {answer[:300]!r}")
                poll.unregister(number)
                found.append(time.monotonic())
        return found

    def close(self):
        for sock in self.sockets:
            sock.close()


def kill(child: Child) -> float:
    """The time of the death."""
    now = time.monotonic()
    os.kill(child.pid, signal.SIGKILL)
    child.process.wait()
    return now


class HAProxy:
    def __init__(self, bench: Bench):
        echo = bench.start("echo", [bench.binary("loadtest"), "echo"], core=bench.proxy_core)
        self.bench, self.peer, self.number = bench, echo.line().removeprefix("ws://").partition("/")[0], 0
        self.start()

    def start(self):
        self.number += 1
        self.child, self.address, _ = self.bench.haproxy(
            f"haproxy{self.number}", peer=self.peer, slots=SLOTS, bufsize=16 * 1024)


class Berth:
    def __init__(self, bench: Bench):
        self.bench, self.number = bench, 0
        self.address, (self.child, _) = handoff.berth(bench, SLOTS)

    def start(self):
        """A process of the same node, on another port."""
        self.number += 1
        self.child = self.bench.berth_process(
            f"gateway{self.number}", "gateway", "--tenant", "default:maxQueue=20000", fleet="handoff", node="gateway")
        self.address = self.child.wait_for("listening", pause=0.002)["address"]


def measure(bench: Bench, *, rounds) -> dict:
    """name → runs: milliseconds from the kill to the listening process, the first and the last client's 101."""
    proxies = {"haproxy": HAProxy(bench), "berth": Berth(bench)}
    runs: dict[str, list] = {name: [] for name in proxies}
    for number in range(rounds):
        order = list(proxies.items())
        for name, proxy in order if number % 2 == 0 else order[::-1]:
            before = Clients(proxy.address, handoff.TARGETS[name])
            before.served()
            killed = kill(proxy.child)
            proxy.start()
            listens = time.monotonic()
            after = Clients(proxy.address, handoff.TARGETS[name])
            served = after.served()
            runs[name].append([(at - killed) * 1_000 for at in (listens, served[0], served[-1])])
            before.close()
            after.close()
            # The next round begins with free slots.
            time.sleep(1)
    return {"rounds": rounds, "slots": SLOTS, "runs": runs}


def usable(found, name) -> list[float]:
    """Milliseconds until all slots were usable, of each round."""
    return [run[2] for run in found["runs"][name]]


def faults(found) -> list[str]:
    took = max(usable(found, "berth"))
    if took <= MILLISECONDS_MAX:
        return []
    return [f"after kill -9 of a gateway all slots are usable in {took:.0f} ms at most: {MILLISECONDS_MAX} ms is the aim"]
