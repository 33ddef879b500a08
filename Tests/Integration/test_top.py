"""`berth top`, on a terminal and without one, and what reaches a terminal of what others wrote."""

import json
import os
import re
import signal
import termios

import pytest
from support.fleet import Fleet, binary, eventually
from support.packed import changed
from support.process import run
from support.terminal import Terminal, berth, busy, said

EVIL = "\x1b[31m\x1b]0;title\x07\u202eevil\n\u009b2J"


async def test_what_others_wrote_reaches_no_terminal_raw(folder):
    async with Fleet(folder) as fleet:
        _, holder, waits = await busy(fleet)
        waiter = json.loads(await said(fleet, "waiters", "--json"))["waiters"][0]["id"]
        (row,) = [name for name in await fleet.redis.keys() if name.endswith(f":waiter:{waiter}")]
        (worker,) = [name for name in await fleet.redis.keys() if re.search(r":worker:w1\.[0-9a-f]+$", name)]

        async def write(key: str, kind: str, **values):
            data = await fleet.redis.command("GET", key)
            await fleet.redis.command("SET", key, changed(kind, data, **values))

        await write(row, "waiter", run=EVIL)
        await write(worker, "worker", address=EVIL)
        shown = r"\u{1b}[31m\u{1b}]0;title\u{7}\u{202e}evil\u{a}\u{9b}2J"
        for command in ("status", "workers", "waiters", "status --json", "workers --json", "waiters --json"):
            text = await said(fleet, *command.split())
            assert all(" " <= one <= "~" or one == "\n" for one in text), (command, text)
            if "--json" in command:
                assert EVIL in str(json.loads(text)) or repr(EVIL)[1:-1] in str(json.loads(text))
            else:
                assert shown in text
        terminal = fleet.keep(Terminal(fleet, "waiters"))
        await terminal.shows(shown)
        assert "\x07" not in terminal.output and "\u202e" not in terminal.output and "\x1b]" not in terminal.output
        terminal.press(b"q")
        assert await terminal.exit() == 0
        # The renews of both would repair the row.
        for node in fleet.nodes:
            node.signal(signal.SIGSTOP)
        # The audit tells one fault of an item: without a run it is the state.
        await write(row, "waiter", run="", state=EVIL)
        for command in ("audit", "audit --json", "doctor", "doctor --json"):
            text = (await berth(fleet, *command.split())).output
            assert all(" " <= one <= "~" or one in "\n→–" for one in text), (command, text)
            assert (r"\u001b[31m\u001b]0;title\u0007\u202eevil\n\u009b2J" if "--json" in command else shown) in text
        for node in fleet.nodes:
            node.signal(signal.SIGCONT)
        # Nobody reaches the worker any more.
        await holder.finish()
        waits.leave()


async def test_top_prints_without_a_terminal(folder):
    async with Fleet(folder) as fleet:
        _, holder, waits = await busy(fleet)
        once = await said(fleet, "top", "waiters", "--once")
        assert once.startswith("berth top, fleet test, ") and "\nWAITER" in once and "\x1b" not in once
        assert json.loads(await said(fleet, "top", "--once", "--json"))["waiting"] == 1
        argv = [binary("berth"), "top", "--redis", fleet.redis.url, "--fleet", "test"]
        # The reader takes two views, and closes the pipe.
        shell = f"{' '.join(argv)} | (grep -m 2 'client waits'; true)"
        process = await run("pipe", ["bash", "-o", "pipefail", "-c", shell], folder)
        assert process.output.count("1 client waits") == 2 and process.code in (0, 1)
        await holder.finish()
        await waits.answer()
        await waits.finish()


async def test_top_follows_the_fleet_and_its_keys(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        terminal = fleet.keep(Terminal(fleet))
        at = await terminal.shows("Nobody waits.")
        assert terminal.output.startswith("\x1b[?1049h\x1b[?25l\x1b[H")
        attributes = termios.tcgetattr(terminal.control)
        assert not attributes[3] & (termios.ICANON | termios.ECHO)
        await fleet.worker({"AppA:x": 1})
        await fleet.grantable(1)
        holder = await fleet.client("holder").open()
        assert (await holder.answer()).status == 101
        waits = await fleet.client("waits").open()
        at = await terminal.shows("1 while all slots are in use", after=at)
        at = await terminal.shows(" grants/s", after=at)
        terminal.press(b"l")
        at = await terminal.shows("WAITER ", after=at)
        terminal.press(b"s")
        at = await terminal.shows("SESSION ", after=at)
        terminal.press(b">")
        at = await terminal.shows("SESSION* ", after=at)
        # The kernel tells the program that its terminal has another size.
        termios.tcsetwinsize(terminal.control, (6, 30))

        def is_small():
            terminal.read()
            frame = terminal.output.rpartition("\x1b[J")[0].rpartition("\x1b[H")[2]
            lines = frame.replace("\x1b[K", "").split("\r\n")
            return len(lines) == 6 and max(map(len, lines)) == 30

        await eventually(is_small, 10, "the smaller terminal is filled")
        at = len(terminal.output)
        await fleet.redis.kill()
        await terminal.shows("! Redis ", after=at)
        assert "\x1b[31m" not in terminal.output
        terminal.press(b"q")
        assert await terminal.exit() == 0
        terminal.check_restored()
        holder.leave()
        waits.leave()


@pytest.mark.parametrize(
    "end, code",
    [
        ("q", 0), (b"\x03", 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (b"\x1c", 131),
        (signal.SIGSEGV, -signal.SIGSEGV), (signal.SIGABRT, -signal.SIGABRT), (signal.SIGILL, -signal.SIGILL),
    ],
)
async def test_top_leaves_the_terminal_as_it_was(folder, end, code):
    async with Fleet(folder) as fleet:
        terminal = fleet.keep(Terminal(fleet, no_colour=False))
        await terminal.shows("Nobody waits.")
        assert "\x1b[1mLABEL" in terminal.output, "colours, unless NO_COLOR is set"
        assert termios.tcgetattr(terminal.control) != terminal.before
        if isinstance(end, signal.Signals):
            os.kill(terminal.pid, end)
        else:
            terminal.press(end.encode() if isinstance(end, str) else end)
        assert await terminal.exit() == code
        terminal.check_restored()


async def test_top_can_be_stopped_and_goes_on(folder):
    async with Fleet(folder) as fleet:
        terminal = fleet.keep(Terminal(fleet))
        at = await terminal.shows("Nobody waits.")
        terminal.press(b"\x1a")
        at = await terminal.shows("\x1b[?1049l", after=at)

        def state():
            with open(f"/proc/{terminal.pid}/stat", encoding="utf-8") as file:
                return file.read().rpartition(")")[2].split()[0]

        await eventually(lambda: state() == "T", 10, "it is stopped")
        terminal.check_restored()
        os.kill(terminal.pid, signal.SIGCONT)
        at = await terminal.shows("\x1b[?1049h", after=at)
        await terminal.shows("Nobody waits.", after=at)
        terminal.press(b"q")
        assert await terminal.exit() == 0
        terminal.check_restored()


async def test_top_on_a_dumb_terminal_is_plain(folder):
    async with Fleet(folder) as fleet:
        terminal = fleet.keep(Terminal(fleet, term="dumb"))
        at = await terminal.shows("Nobody waits.")
        await terminal.shows("Nobody waits.", after=at)
        assert "\x1b" not in terminal.output and termios.tcgetattr(terminal.control) == terminal.before
        terminal.press(b"\x03")
        assert await terminal.exit() == -signal.SIGINT
