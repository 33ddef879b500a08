"""Processes under test: started in a session of their own, ended by pid, their logs read as JSON lines."""

import asyncio
import json
import os
import resource
import signal
from dataclasses import dataclass, field

from . import clock


@dataclass
class Line:
    """One line of a process. `at` is when the process says it wrote it, `read` when the harness read it (seconds)."""

    process: str
    at: float
    read: float
    text: str
    fields: dict = field(default_factory=dict)

    @property
    def event(self) -> str:
        return self.fields.get("event", "")

    def get(self, name, default=None):
        return self.fields.get(name, default)

    def matches(self, event, want: dict) -> bool:
        return (event is None or self.event == event) and all(
            value(self.fields.get(key)) if callable(value) else self.fields.get(key) == value
            for key, value in want.items()
        )


def parse_line(process: str, text: str, read: float) -> Line:
    fields = {}
    if text.startswith("{"):
        try:
            fields = json.loads(text)
        except ValueError:
            fields = {}
    at = read
    if isinstance(fields.get("ts"), str):
        at = clock.from_rfc3339(fields["ts"])
    return Line(process, at, read, text, fields)


class Ended(AssertionError):
    """A process ended, or stayed silent, where a log line was awaited."""


class Process:
    """A child process. `start` returns as soon as it runs; `wait_for` is the only way to wait for what it does."""

    def __init__(self, name: str, folder: str):
        self.name = name
        self.folder = folder
        self.lines: list[Line] = []
        self.code: int | None = None
        # When it was killed or found ended: what it served ended then, whatever its log says.
        self.died: float | None = None
        self._waiters: list[tuple] = []
        self._listeners: list = []
        self._tasks: list[asyncio.Task] = []
        self._child: asyncio.subprocess.Process | None = None

    @classmethod
    async def start(cls, name, argv, folder, *, env=None, open_files=None, pass_fds=()):
        self = cls(name, folder)

        def limit():
            if open_files is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))

        self._child = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            preexec_fn=limit if open_files is not None else None,
            limit=1 << 22,
            pass_fds=pass_fds,
        )
        self.argv = list(argv)
        self._log = open(os.path.join(folder, f"{name}.log"), "a", encoding="utf-8")
        self._log.write(f"# {' '.join(argv)}\n")
        readers = [asyncio.create_task(self._read(stream)) for stream in (self._child.stdout, self._child.stderr)]
        self._tasks = [*readers, asyncio.create_task(self._reap(readers))]
        return self

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self.code is None

    @property
    def output(self) -> str:
        return "\n".join(line.text for line in self.lines)

    async def _read(self, stream):
        while True:
            raw = await stream.readline()
            if not raw:
                return
            line = parse_line(self.name, raw.decode("utf-8", "replace").rstrip("\n"), clock.now())
            self.lines.append(line)
            self._log.write(line.text + "\n")
            for listener in self._listeners:
                listener(line)
            for entry in [w for w in self._waiters if w[0](line)]:
                self._waiters.remove(entry)
                if not entry[1].done():
                    entry[1].set_result(line)

    async def _reap(self, readers):
        code = await self._child.wait()
        self.died = self.died or clock.now()
        # A grandchild may hold the pipe open: what the process itself wrote is there within a moment.
        await asyncio.wait(readers, timeout=2)
        for reader in readers:
            reader.cancel()
        self.code = code
        self._log.close()
        for _, future in self._waiters:
            if not future.done():
                future.set_exception(Ended(f"{self.name} ended with {code}\n{self.tail()}"))
        self._waiters.clear()

    def tail(self, count=15) -> str:
        return "\n".join(line.text for line in self.lines[-count:])

    def on_line(self, listener):
        """Calls `listener(line)` for every further line."""
        self._listeners.append(listener)

    def events(self, event=None, **want) -> list[Line]:
        return [line for line in self.lines if line.matches(event, want)]

    def mark(self) -> int:
        """Where the log stands now, for `wait_for(after=…)`."""
        return len(self.lines)

    async def wait_for(self, event=None, *, timeout=10.0, after=0, where=None, **want) -> Line:
        """The first line, from index `after` on, of that event and those fields (a callable value is a predicate)."""

        def fits(line):
            return line.matches(event, want) and (where is None or where(line))

        for line in self.lines[after:]:
            if fits(line):
                return line
        if self.code is not None:
            raise Ended(f"{self.name} ended with {self.code} before {event} {want}\n{self.tail()}")
        future = asyncio.get_running_loop().create_future()
        entry = (fits, future)
        self._waiters.append(entry)
        try:
            return await asyncio.wait_for(future, timeout)
        except TimeoutError:
            raise Ended(f"{self.name}: no {event} {want} in {timeout} s\n{self.tail()}") from None
        finally:
            if entry in self._waiters:
                self._waiters.remove(entry)

    async def exit(self, timeout=10.0) -> int:
        """Waits for the process' end and for the last of its output."""
        try:
            await asyncio.wait_for(asyncio.shield(self._tasks[-1]), timeout)
        except TimeoutError:
            raise Ended(f"{self.name} did not end in {timeout} s\n{self.tail()}") from None
        return self.code

    def signal(self, number: int):
        if self._child.returncode is None:
            os.kill(self.pid, number)

    async def kill(self) -> int:
        self.died = self.died or clock.now()
        self.signal(signal.SIGKILL)
        return await self.exit()

    async def terminate(self, timeout=10.0) -> int:
        self.signal(signal.SIGTERM)
        return await self.exit(timeout)

    async def dispose(self):
        """Ends whatever is left of the process and its group."""
        if self._child is None:
            return
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        await self.exit()


async def run(name, argv, folder, *, env=None, timeout=20.0) -> Process:
    """Runs a command to its end."""
    process = await Process.start(name, argv, folder, env=env)
    try:
        await process.exit(timeout)
    finally:
        await process.dispose()
    return process
