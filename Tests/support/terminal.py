"""The commands of operators on a fleet, and `berth top` on a terminal."""

import os
import pty
import signal
import termios

from .fleet import Fleet, binary, eventually


async def berth(fleet: Fleet, command: str, *arguments):
    return await fleet.tool(command, *arguments, "--redis", fleet.redis.url, "--fleet", "test")


async def said(fleet: Fleet, command: str, *arguments, code=0) -> str:
    process = await berth(fleet, command, *arguments)
    assert process.code == code, (process.code, process.output)
    return process.output


async def busy(fleet: Fleet):
    """A worker with one slot, a session, and a client that waits for it."""
    gateway = await fleet.gateway()
    await fleet.worker({"AppA:x": 1})
    await fleet.grantable(1)
    holder = await fleet.client("holder").open()
    assert (await holder.answer()).status == 101 and await holder.echo()
    waits = await fleet.client("waits").open()
    await fleet.queued("waits")
    return gateway, holder, waits


class Terminal:
    """A shell's job on a terminal. What it draws is collected in `output`."""

    def __init__(self, fleet: Fleet, *arguments, term="xterm", no_colour=True):
        self.control, self.other_end = pty.openpty()
        termios.tcsetwinsize(self.control, (24, 200))
        attributes = termios.tcgetattr(self.control)
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(self.control, termios.TCSANOW, attributes)
        self.before = termios.tcgetattr(self.control)
        argv = [binary("berth"), "top", *arguments, "--redis", fleet.redis.url, "--fleet", "test"]
        environment = {**os.environ, "TERM": term, "NO_COLOR": "1" if no_colour else ""}
        self.pid = os.fork()
        if self.pid == 0:
            os.login_tty(self.other_end)
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTSTP):
                signal.signal(number, signal.SIG_DFL)
            os.execve(argv[0], argv, environment)
        os.set_blocking(self.control, False)
        self.bytes = b""
        self.code = None

    @property
    def output(self) -> str:
        return self.bytes.decode("utf-8", "replace")

    def read(self):
        try:
            self.bytes += os.read(self.control, 65_536)
        except (BlockingIOError, OSError):
            pass

    async def shows(self, words: str, *, after=0, timeout=20.0) -> int:
        """Awaits the words behind that place of the output, and returns the place behind them."""

        async def seen():
            self.read()
            return words in self.output[after:]

        await eventually(seen, timeout, f"the terminal shows {words!r}: {self.output[-500:]!r}")
        return self.output.index(words, after) + len(words)

    def press(self, keys: bytes):
        os.write(self.control, keys)

    async def exit(self) -> int:
        async def ended():
            self.read()
            if self.code is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                self.code = os.waitstatus_to_exitcode(status) if pid else None
            return self.code is not None

        await eventually(ended, 20, "berth top ends")
        self.read()
        return self.code

    def check_restored(self):
        assert termios.tcgetattr(self.control) == self.before
        assert self.output.endswith("\x1b[?25h\x1b[?1049l"), repr(self.output[-200:])

    async def dispose(self):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            await self.exit()
        os.close(self.control)
        os.close(self.other_end)
