"""Starts as people make them: from a terminal, from another folder, with descriptors closed, with a long TMPDIR."""

import asyncio
import os
import pty
import signal
import socket

import pytest
from support import client
from support.fleet import ROOT, Fleet, binary
from support.process import Process, run

ECHO = f"{binary('loadtest')} echo"


def in_folder(folder, *argv):
    """The command, started in that folder."""
    return ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", folder, *argv]


def without(descriptors, *argv):
    """The command, started with these descriptors closed."""
    closed = " ".join(f"{number}<&-" for number in descriptors)
    return ["sh", "-c", f'exec "$@" {closed}', "sh", *argv]


def dev(*more):
    return [binary("berth"), "dev", "--slots", "1", "--kind", "command", "--command", ECHO, *more]


async def served(process: Process) -> str:
    """Awaits that `berth dev` serves; returns its words to people."""
    return (await process.wait_for(where=lambda line: line.text.startswith("berth dev: "), timeout=20)).text


@pytest.mark.parametrize("command", ["status", "audit", "config"])
async def test_a_command_without_standard_descriptors_ends_in_order(folder, command):
    arguments = ["print"] if command == "config" else ["--redis", f"unix://{folder}/none"]
    process = await run("closed", without((0, 1, 2), binary("berth"), command, *arguments), folder, timeout=15)
    # Redis is not there; an abort would be negative.
    assert process.code == {"status": 2, "audit": 2, "config": 0}[command], process.output


@pytest.mark.parametrize("kind", ["gateway", "worker", "dev"])
async def test_a_process_without_standard_input_and_error_ends_in_order(folder, kind):
    arguments = {
        "gateway": ["gateway", "--listen", "127.0.0.1:0", "--redis", f"unix://{folder}/none"],
        "worker": ["worker", "--listen", "127.0.0.1:0", "--redis", f"unix://{folder}/none", "--pool", "a=1"],
        "dev": ["dev", "--listen", "127.0.0.1:0", "--slots", "1"],
    }[kind]
    sidecar = [] if kind == "gateway" else ["--kind", "command", "--command", ECHO]
    process = await Process.start("closed", without((0, 2), binary("berth"), *arguments, *sidecar), folder)
    try:
        # Redis is not there: a line of the running loop, which hears signals.
        await process.wait_for("dev" if kind == "dev" else "store", timeout=20)
        assert await process.terminate() == 0, process.output
    finally:
        await process.dispose()


async def test_dev_ends_with_its_terminal(folder):
    """The terminal is closed: the process gets SIGHUP, and its outputs fail from then on."""
    terminal, other_end = pty.openpty()
    # The tests themselves may run under nohup, and what they start would then ignore SIGHUP.
    argv = ["env", "--default-signal=HUP", "sh", "-c", 'exec "$@" 2>"$0"', os.ttyname(other_end)]
    argv += dev("--listen", "127.0.0.1:0")
    process = await Process.start("dev", argv, folder)
    try:
        await process.wait_for("dev", timeout=20)
        os.close(other_end)
        os.close(terminal)
        process.signal(signal.SIGHUP)
        assert await process.exit() == 0, process.output
    finally:
        await process.dispose()


async def test_dev_goes_on_under_nohup(folder):
    argv = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *dev("--listen", "127.0.0.1:0")]
    process = await Process.start("dev", argv, folder)
    try:
        await served(process)
        process.signal(signal.SIGHUP)
        assert await process.terminate() == 0, process.output
    finally:
        await process.dispose()


@pytest.mark.parametrize("host, shown", [("127.0.0.2", "127.0.0.2"), ("[::1]", "[::1]"), ("localhost", "127.0.0.1")])
async def test_dev_prints_the_address_that_it_listens_on(folder, host, shown):
    temporary = os.path.join(folder, "t")
    os.mkdir(temporary)
    argv = dev("--listen", f"{host}:0")
    process = await Process.start("dev", argv, folder, env={"TMPDIR": temporary})
    try:
        words = await served(process)
        address = (await process.wait_for("dev")).get("address")
        assert address.rpartition(":")[0] == shown and f"ws://{address}/" in words, words
        # The folder for temporary files is the one that the environment names.
        assert f"unix://{temporary}/berth-dev-" in words, words
        assert await process.terminate() == 0, process.output
        assert os.listdir(temporary) == []
    finally:
        await process.dispose()


async def test_dev_says_that_it_runs_once_its_pool_is_known(folder):
    """Before, a client would be refused with `unknown_pool`: 404 is no word for "wait a moment"."""
    process = await Process.start("dev", dev("--listen", "127.0.0.1:0"), folder)
    try:
        await served(process)
        line = await process.wait_for("dev")
        saw = await client.session(client.make("first", int(line.get("address").rpartition(":")[2])))
        assert saw.served, saw
    finally:
        await process.dispose()


async def test_dev_removes_what_a_killed_one_left(folder):
    """A link that bears the name of a leftover is removed, and what it leads to stays."""
    temporary, elsewhere = os.path.join(folder, "t"), os.path.join(folder, "elsewhere")
    for path in (temporary, elsewhere):
        os.mkdir(path)
    with open(os.path.join(elsewhere, "file"), "w", encoding="ascii"):
        pass
    killed = await Process.start("killed", dev("--listen", "127.0.0.1:0"), folder, env={"TMPDIR": temporary})
    await served(killed)
    await killed.kill()
    left = set(os.listdir(temporary))
    assert len(left) == 2, left
    link = f"berth-dev-{killed.pid}-linked"
    os.symlink(elsewhere, os.path.join(temporary, link))
    process = await Process.start("dev", dev("--listen", "127.0.0.1:0"), folder, env={"TMPDIR": temporary})
    try:
        await served(process)
        assert not {*left, link} & set(os.listdir(temporary)) and os.listdir(elsewhere) == ["file"]
        assert await process.terminate() == 0, process.output
        assert os.listdir(temporary) == []
    finally:
        await process.dispose()


async def test_dev_advises_no_flag_that_it_refuses(folder):
    process = await run("open", dev("--listen", "0.0.0.0:0"), folder)
    assert process.code == 1 and "127.0.0.1" in process.output and "--insecure-open" not in process.output


async def test_a_temporary_folder_that_is_too_deep_is_refused_in_words(folder):
    deep = os.path.join(folder, "d" * 60)
    os.mkdir(deep)
    process = await run("deep", dev("--listen", "127.0.0.1:0"), folder, env={"TMPDIR": deep})
    assert process.code == 1 and "TMPDIR" in process.output and "are the most" in process.output, process.output
    environment = {"TMPDIR": deep[:38], "VIRTUAL_ENV": os.path.join(ROOT, ".venv")}
    worker = [binary("berth"), "worker", "--listen", "127.0.0.1:0", "--pool", "a=1"]
    process = await run("deep", worker, folder, env=environment)
    assert process.code == 1 and "has 38 bytes, and 37 are the most" in process.output, process.output


async def test_programs_are_found_from_the_folder_of_the_start(folder):
    """Sidecars run in folders of their own: what was named relative to the start's folder is still found."""
    os.mkdir(os.path.join(folder, "bin"))
    os.symlink(binary("loadtest"), os.path.join(folder, "bin", "serve"))
    async with Fleet(folder) as fleet:
        for command, path in [("bin/serve echo", None), ("serve echo", f"bin:{os.environ['PATH']}")]:
            argv = [binary("berth"), "worker", "--listen", "127.0.0.1:0", "--redis", fleet.redis.url, "--pool", "a=1"]
            argv += ["--kind", "command", "--command", command]
            process = await Process.start("worker", in_folder(folder, *argv), folder, env={"PATH": path} if path else None)
            try:
                await process.wait_for("slot", state="free", timeout=20)
                assert await process.terminate() == 0, process.output
            finally:
                await process.dispose()


async def test_a_worker_advertises_the_address_that_it_listens_on(folder):
    async with Fleet(folder) as fleet:
        worker = [binary("berth"), "worker", "--redis", fleet.redis.url, "--fleet", "test", "--pool", "a=1"]
        worker += ["--kind", "command", "--command", ECHO, "--listen", "127.0.0.2:0"]
        process = await Process.start("worker", worker, folder)
        try:
            port = (await process.wait_for("listening")).get("address").rpartition(":")[2]
            await process.wait_for("registered")
            assert [row["address"] for row in (await fleet.status())["workers"]] == [f"127.0.0.2:{port}"]
            assert await process.terminate() == 0, process.output
        finally:
            await process.dispose()


async def test_a_service_manager_is_told(folder):
    """systemd's Type=notify: a datagram when the process listens, and one when its end begins."""
    for name in (folder + "/notify", "\0berth-notify-" + os.path.basename(folder)):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(name)
            manager.settimeout(15)
            async with Fleet(folder) as fleet:
                node = await fleet._node(
                    "gateway", "g", ["--listen", "127.0.0.1:0", "--redis", fleet.redis.url],
                    env={"NOTIFY_SOCKET": name.replace("\0", "@")})
                assert await asyncio.to_thread(manager.recv, 64) == b"READY=1"
                node.signal(signal.SIGTERM)
                assert await asyncio.to_thread(manager.recv, 64) == b"STOPPING=1"
                assert await node.exit() == 0
