"""Memory and disk of a worker's machine: sidecars that grow, memory that is short, a work folder that is full."""

import os
import subprocess
import sys

import pytest
from support.fleet import Fleet, eventually, free_slots

# Takes as many MiB as the header x-grow says, and keeps them.
GROWER = """
import socket, threading
kept = []
def serve(c):
    head = b""
    while b"\\r\\n\\r\\n" not in head:
        more = c.recv(4096)
        if not more:
            return c.close()
        head += more
    c.sendall(b"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n")
    for line in head.lower().split(b"\\r\\n"):
        if line.startswith(b"x-grow:"):
            kept.append(bytearray(b"x") * (int(line[7:]) << 20))
    while c.recv(4096):
        pass
    c.close()
s = socket.create_server(("127.0.0.1", 0))
print("ws://127.0.0.1:%d/" % s.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],)).start()
"""


async def growers(fleet: Fleet, folder: str, pool: str):
    """A gateway, and a worker with one pool of sidecars that grow."""
    program, file = os.path.join(folder, "grower.py"), os.path.join(folder, "pools.yaml")
    with open(program, "w", encoding="utf-8") as out:
        out.write(GROWER)
    with open(file, "w", encoding="utf-8") as out:
        out.write(f"pools: {{'AppA:x': {{command: [{sys.executable}, -I, -S, {program}], memoryMax: 64M, {pool}}}}}\n")
    await fleet.gateway()
    worker = await fleet.worker({}, command="unused", more=["--config", file])
    return worker


async def test_a_sidecar_above_twice_its_memory_is_killed_and_named(folder):
    async with Fleet(folder) as fleet:
        worker = await growers(fleet, folder, "slots: 1, warm: 0")
        await fleet.grantable(1)
        one = await fleet.client("one", headers={"x-grow": "200"}).open()
        assert (await one.answer()).status == 101
        # The worker looks while the sidecar still grows: below twice its memory it warns.
        large = await worker.wait_for("sidecar", state="large", level="error")
        assert large.get("memory_bytes") > 2 * (64 << 20)
        assert "memoryMax of pool AppA:x is 64 MiB: it is more than twice that, and is killed" in large.get("msg")
        assert (await one.closed_by_peer()).startswith("closed: The browser or program used more than twice the memory")
        exited = await worker.wait_for("sidecar", state="exited")
        assert "more than twice the memoryMax of pool AppA:x, 64 MiB: raise memoryMax there" in exited.get("msg")
        await fleet.grantable(1)
        await fleet.nothing_held(within=10)


async def test_a_shared_sidecar_above_its_memory_is_replaced_without_ending_a_session(folder):
    async with Fleet(folder) as fleet:
        worker = await growers(fleet, folder, "slots: 2, mode: shared, sessions: 2")
        await fleet.grantable(2)
        one = await fleet.client("one", headers={"x-grow": "80"}).open()
        assert (await one.answer()).status == 101
        large = await worker.wait_for("sidecar", state="large", sidecar=0)
        assert large.get("level") == "warning" and "it is replaced after its sessions" in large.get("msg")
        await worker.wait_for("sidecar", state="ready", sidecar=lambda number: number != 0)
        two = await fleet.client("two").open()
        assert (await two.answer()).status == 101
        assert not worker.events("sidecar", state="exited")
        one.leave("fin")
        await worker.wait_for("sidecar", state="exited", sidecar=0)
        assert free_slots(await fleet.status()) <= 1, "the other session goes on"
        two.leave("fin")
        await fleet.grantable(2)


async def test_while_memory_is_short_no_spare_starts(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        worker = await fleet.worker({"AppA:x": 1}, more=["--warm", "2"], env={"BERTH_MEMORY_RESERVE": "16384G"})
        await fleet.grantable(1)
        short = await worker.wait_for("memory", state="short")
        assert "worker.memoryReserve is 16384 GiB: no spare starts" in short.get("msg")
        assert len(worker.events("sidecar", state="starting")) == 1
        assert (await (await fleet.client("one").open()).answer()).status == 101


@pytest.fixture
def small(folder):
    """A file system of 64 MiB."""
    path = os.path.join(folder, "small")
    os.mkdir(path)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "none", path]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no right to mount a file system")
    yield path
    subprocess.run(["umount", "-l", path], check=True)


async def test_a_full_work_folder_takes_slots_out_until_there_is_room(folder, small):
    filler = os.path.join(small, "filler")
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        worker = await fleet.worker({"AppA:x": 2}, more=["--warm", "0"], env={"TMPDIR": small})
        await fleet.grantable(2)
        one = await fleet.client("one").open()
        assert (await one.answer()).status == 101 and await one.echo()
        with open(filler, "wb") as file:
            file.write(b"x" * (60 << 20))
        short = await worker.wait_for("room", state="short")
        assert short.get("level") == "error"

        async def told():
            status = await fleet.status()
            words = [row["trouble"] for row in status["workers"] if row["trouble"]]
            return free_slots(status) == 0 and words

        words = await eventually(told, 10, "the reason in berth status, and no free slot")
        assert words[0].startswith(f"{small} has 3 MiB left, and needs ") or words[0].startswith(f"{small} has 4 MiB")
        assert "the worker takes no sessions; remove files there, or set TMPDIR to a larger" in words[0]
        assert await one.echo(), "a session goes on"
        waiting = await fleet.client("waiting").open()
        await fleet.queued("waiting")
        after = worker.mark()
        os.remove(filler)
        await worker.wait_for("room", state="enough", after=after)
        assert (await waiting.answer()).status == 101 and await waiting.echo()
        await one.finish()
        await waiting.finish()
        await fleet.grantable(2)
        assert await fleet.audit() == []
