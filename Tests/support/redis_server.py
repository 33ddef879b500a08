"""A private redis-server on a unix socket, and a small client for what tests ask of it."""

import asyncio
import os

from . import clock, resp
from .process import Process


class RedisServer:
    """Persistence is off unless `persist`; then every write is in the append-only file before its reply.

    It listens on `path`, and where a `port` is given on loopback too, or on the address `host` without a password."""

    def __init__(self, folder: str, name="redis", *, persist=False, port=None, host=None):
        self.folder = folder
        self.name = name
        self.persist = persist
        self.port = port
        self.host = host
        self.path = os.path.join(folder, f"{name}.sock")
        self.data = os.path.join(folder, f"{name}.data")
        self.process: Process | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    async def start(self, *arguments: str):
        os.makedirs(self.data, exist_ok=True)
        if os.path.exists(self.path):
            os.unlink(self.path)
        argv = ["redis-server", "--port", str(self.port or 0), "--unixsocket", self.path, "--dir", self.data]
        argv += ["--save", "", *(["--bind", self.host, "--protected-mode", "no"] if self.host else [])]
        argv += ["--maxmemory-policy", "noeviction", "--daemonize", "no"]
        argv += ["--appendonly", "yes" if self.persist else "no", "--appendfsync", "always"]
        self.process = await Process.start(self.name, argv + list(arguments), self.folder)
        await self.process.wait_for(where=lambda line: "eady to accept connections" in line.text, after=0)
        return self

    async def kill(self):
        await self.process.kill()

    async def restart(self, *, empty: bool):
        """kill -9 and start again, with the data or without."""
        await self.process.kill()
        if empty:
            for root, _, files in os.walk(self.data):
                for file in files:
                    os.unlink(os.path.join(root, file))
        await self.start()

    async def restart_without_tail(self, choose) -> int:
        """kill -9, cuts bytes off the end of the append-only file and starts again; returns how many.

        `choose` is told how many there are. Redis takes what is left up to the last whole transaction, as after a
        crash that the disk did not keep up with: a script's writes are one transaction. What it has of the next one stays
        in the file, and is executed at the start after this one (mended in Valkey by its pull request 4342)."""
        await self.process.kill()
        path = os.path.join(self.data, "appendonlydir", "appendonly.aof.1.incr.aof")
        size = os.path.getsize(path)
        lost = min(choose(size), size)
        os.truncate(path, size - lost)
        await self.start("--aof-load-truncated", "yes", "--auto-aof-rewrite-percentage", "0")
        return lost

    async def command(self, *arguments):
        """One command on a connection of its own; an error reply is raised."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        try:
            writer.write(resp.command(*arguments))
            reply = await resp.read_reply(reader)
        finally:
            writer.close()
        if isinstance(reply, resp.ErrorReply):
            raise AssertionError(f"{arguments[0]}: {reply}")
        return reply

    async def keys(self) -> list[str]:
        return sorted(key.decode() for key in await self.command("KEYS", "*"))

    async def members(self, key: str):
        """What a key of any type holds."""
        kind = await self.command("TYPE", key)
        reads = {"hash": ("HGETALL",), "set": ("SMEMBERS",), "zset": ("ZRANGE", 0, -1, "WITHSCORES"), "string": ("GET",)}
        name, *rest = reads.get(getattr(kind, "decode", lambda: kind)(), ("EXISTS",))
        return await self.command(name, key, *rest)

    async def dispose(self):
        if self.process is not None:
            await self.process.dispose()


class Monitor:
    """Records MONITOR: (time, source, arguments) of every command, those inside scripts too (source `lua`)."""

    def __init__(self, path: str):
        self.path = path
        self.entries: list[tuple[float, str, list[bytes]]] = []
        self.mark = f"monitor-end-{id(self)}-{clock.now()}".encode()

    async def start(self):
        self._reader, self._writer = await asyncio.open_unix_connection(self.path, limit=1 << 26)
        self._writer.write(resp.command("MONITOR"))
        assert (await self._reader.readline()).startswith(b"+OK")
        self._task = asyncio.create_task(self._read())
        return self

    async def _read(self):
        """Reads until `stop`'s mark arrives, however much follows the mark, or until Redis ends the connection."""
        while raw := await self._reader.readline():
            entry = parse_monitor(raw)
            if entry is not None:
                self.entries.append(entry)
                if entry[2] == [b"ECHO", self.mark]:
                    return

    async def stop(self):
        """Ends the recording after everything already executed has arrived."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        writer.write(resp.command("ECHO", self.mark))
        await resp.read_reply(reader)
        writer.close()
        await self._task
        self._writer.close()


ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b", b"\\": b"\\", b'"': b'"'}


def parse_monitor(raw: bytes):
    """Reads `+1700000000.123456 [0 lua] "ZADD" "k" "1" "m"`; `None` for any other line."""
    head, found, rest = raw.strip(b"\r\n").partition(b"] ")
    if not found or not head.startswith(b"+"):
        return None
    # The texts of scripts are long, each process loads them, and no checker reads them.
    if rest.startswith(b'"SCRIPT" "LOAD"'):
        return None
    stamp, _, source = head[1:].partition(b" [")
    arguments, at = [], 0
    while at < len(rest):
        if rest[at : at + 1] != b'"':
            at += 1
            continue
        out, at = bytearray(), at + 1
        while rest[at : at + 1] != b'"':
            if rest[at : at + 1] == b"\\":
                kind = rest[at + 1 : at + 2]
                if kind == b"x":
                    out.append(int(rest[at + 2 : at + 4], 16))
                    at += 4
                else:
                    out += ESCAPES[kind]
                    at += 2
            else:
                end = at
                while rest[end : end + 1] not in (b'"', b"\\"):
                    end += 1
                out += rest[at:end]
                at = end
        arguments.append(bytes(out))
        at += 1
    return clock.from_wall(float(stamp)), source.partition(b" ")[2].decode(), arguments
