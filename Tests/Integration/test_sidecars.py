"""Sidecars that misbehave as processes: they die with words, leave children behind, or print a URL of another kind."""

import os
import shutil
import signal
import subprocess
import sys

import pytest
from support import client
from support.fleet import Fleet, binary, eventually
from support.marks import marked
from support.process import Process

# Children in sessions of their own; some lose their parent, some wiped their environment, some are children of such.
LEAVER = """
import os, socket, sys, time
settled, settle = os.pipe()
def leave(depth):
    if os.fork():
        return
    os.setsid()
    if depth:
        leave(depth - 1)
    if depth == 1:
        os._exit(0)
    os.write(settle, b".")
    if len(sys.argv) > 1:
        os.execve("/bin/sleep", [sys.argv[1], "600"], {})
    time.sleep(600)
    os._exit(0)
s = socket.create_server(("127.0.0.1", 0))
for n in range(6):
    leave(n % 3)
# Of six, two have two processes.
left = 0
while left < 8:
    left += len(os.read(settled, 64))
print("ws://127.0.0.1:%d/" % s.getsockname()[1], flush=True)
while True:
    c, _ = s.accept()
    if os.fork() == 0:
        leave(2)
        head = b""
        while b"\\r\\n\\r\\n" not in head:
            head += c.recv(4096)
        c.sendall(b"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n")
        while c.recv(4096):
            pass
        os._exit(0)
    c.close()
"""


def named(name: str) -> set[int]:
    """Living processes whose first argument is this name."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if file.read().split(b"\0")[0] == name.encode():
                    found.add(int(pid))
        except OSError:
            continue
    return found


def script(folder: str, text: str) -> str:
    path = os.path.join(folder, "sidecar.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


@pytest.mark.parametrize("wiped", [False, True])
async def test_nothing_outlives_a_session_nor_the_worker(folder, wiped):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        node, name = f"leaver-{os.getpid()}-{wiped}", f"left-{os.path.basename(folder)}"
        command = f"{sys.executable} -I -S {script(folder, LEAVER)}" + (f" {name}" if wiped else "")
        # A spare has processes too, which outlive the session.
        worker = await fleet.worker({"AppA:x": 1}, name=node, command=command, more=["--warm", "0"])
        await fleet.grantable(1)
        left = named(name) if wiped else marked(node)
        assert len(left) >= 6
        one = await fleet.client("one").open()
        assert (await one.answer()).status == 101
        left |= named(name) if wiped else marked(node)
        after = worker.mark()
        one.leave("fin")
        await worker.wait_for("sidecar", state="starting", after=after)
        # Those of the next sidecar have other numbers.
        still = left & (named(name) if wiped else marked(node))
        assert not still, f"{len(still)} of {len(left)} processes outlived their session"
        await fleet.grantable(1)
        await worker.terminate()
        assert worker.code == 0
        assert marked(node) == set() and named(name) == set()


async def test_as_the_first_process_of_a_container_a_worker_reaps_what_sidecars_leave(folder):
    inside = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if os.geteuid() or not shutil.which("unshare") or subprocess.run([*inside, "true"], check=False).returncode:
        pytest.skip("no right to make a namespace of processes")
    async with Fleet(folder) as fleet:
        text = LEAVER.replace("time.sleep(600)", "time.sleep(0)")
        worker = await Process.start(
            "init",
            [*inside, binary("berth"), "worker", "--listen", "127.0.0.1:0", "--redis", fleet.redis.url, "--fleet", "test",
             "--node-id", "init", "--node-secret-file", fleet.secret, "--kind", "command", "--pool", "AppA:x=2",
             "--warm", "0", "--command", f"{sys.executable} -I -S {script(folder, text)}"],
            folder,
        )
        fleet.keep(worker)
        for slot in (0, 1):
            await worker.wait_for("sidecar", state="ready", sidecar=slot)
        first = children(worker.pid)[0]

        before = children(first)
        for pid in before:
            os.kill(pid, signal.SIGKILL)

        def two_others_alone():
            now = children(first)
            return len(now) == 2 and not set(now) & set(before) and all(state(pid) != "Z" for pid in now)

        await eventually(two_others_alone, 8, "two sidecars, no zombie", every=0.02)
        os.kill(first, signal.SIGTERM)
        await eventually(lambda: worker.code is not None, 10, "it ends")
        assert worker.code == 0


def children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def state(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return ""


DYING = "sh -c 'echo chromium: error while loading shared libraries: libnss3.so >&2; echo Node.js v26.1.0 >&2; exit 127'"


async def test_why_a_sidecar_does_not_come_up_is_in_the_status(folder):
    async with Fleet(folder) as fleet:
        worker = await fleet.worker({"AppA:x": 2}, command=DYING)

        async def told():
            return [row["trouble"] for row in (await fleet.status())["workers"]]

        cause = "code(127): chromium: error while loading shared libraries: libnss3.so"
        await worker.wait_for("slot", state="out")

        async def is_told():
            return await told() == [f"slots 0, 1: {cause}"]

        await eventually(is_told, 8, "the reason in berth status", every=0.3)
        assert worker.events("sidecar", state="output", msg="Node.js v26.1.0")


async def test_why_a_sidecar_does_not_come_up_is_on_the_terminal_of_dev(folder):
    argv = [binary("berth"), "dev", "--listen", "127.0.0.1:0", "--slots", "2", "--kind", "command", "--command", DYING]
    dev = await Process.start("dev", argv, folder)
    try:
        cause = "does not come up: code(127): chromium: error while loading shared libraries: libnss3.so"
        await dev.wait_for(where=lambda line: line.text.startswith("berth dev: slot") and cause in line.text)
        for slot in (0, 1):
            await dev.wait_for("slot", state="out", slot=slot)
        await dev.terminate()
        assert dev.code == 0
        assert len([line for line in dev.lines if cause in line.text and line.text.startswith("berth dev")]) == 1
    finally:
        await dev.dispose()


async def test_a_sidecar_that_freezes_without_a_client_is_replaced(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        worker = await fleet.worker({"AppA:x": 1}, more=["--warm", "0"])
        await fleet.grantable(1)
        ready = await worker.wait_for("sidecar", state="ready")
        after = worker.mark()
        os.kill(ready.get("pid"), signal.SIGSTOP)
        # It is probed 10 s after it became ready at the latest, then three times, 1 s each and 1 s apart.
        await worker.wait_for("sidecar", state="exited", after=after, timeout=25)
        await worker.wait_for("sidecar", state="ready", after=after, timeout=10)
        served = fleet.client("after")
        await client.session(served, hold=0.01, answer_timeout=20)
        assert served.saw.served, served.saw


async def test_a_spare_of_a_nice_worker_takes_no_more_of_the_processor_than_the_worker(folder):
    if os.geteuid():
        pytest.skip("only root may undo a niceness, so a worker of others gives none to its spares")
    async with Fleet(folder) as fleet:
        worker = await fleet.worker({"AppA:x": 1}, more=["--warm", "1"], inside=["nice", "-n", "5"])
        for sidecar in (0, 1):
            await worker.wait_for("sidecar", state="ready", sidecar=sidecar)

        def all_as_nice():
            return [os.getpriority(os.PRIO_PROCESS, pid) for pid in children(worker.pid)] == [5, 5]

        await eventually(all_as_nice, 5, "both sidecars are as nice as their worker")
