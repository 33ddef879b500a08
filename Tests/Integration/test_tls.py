"""The gateway's own TLS: real clients, rotation, settings that are wrong, peers that stop or reset."""

import asyncio
import hashlib
import os
import shutil
import signal
import socket
import ssl
import struct

import pytest
from support import checkers, client, clock
from support.certificates import Authority, Pair
from support.fleet import Fleet, binary, eventually
from support.process import run
from support.remains import resident_bytes
from websockets.asyncio.client import connect

MIB = 1 << 20
SLOW_READERS, SLOW_BYTES, MEMORY_GROWTH_MAX = 20, 8 * MIB, 24 * MIB


class TLSFleet(Fleet):
    """A gateway that speaks TLS and a worker with echo sidecars."""

    slots = 4

    async def __aenter__(self):
        await super().__aenter__()
        try:
            self.authority = Authority(self.folder)
            self.pair = self.authority.pair("one")
            self.entry = await self.gateway(more=self.pair.flags)
            await self.worker({"AppA:x": self.slots})
            await self.grantable(self.slots)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    def connect(self, path="/pool/AppA:x/"):
        url = f"wss://localhost:{self.entry.port}{path}"
        return connect(url, ssl=self.authority.context(), max_size=None, compression=None, proxy=None)

    def shown(self) -> bytes:
        """The certificate that a new connection gets."""
        with socket.create_connection(("127.0.0.1", self.entry.port)) as plain:
            with self.authority.context().wrap_socket(plain, server_hostname="localhost") as one:
                return one.getpeercert(binary_form=True)

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.entry.pid}/fd"))


def hello() -> bytes:
    """A client's first message."""
    context = ssl.create_default_context()
    out = ssl.MemoryBIO()
    session = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return out.read()


async def test_a_large_message_comes_back_equal(folder):
    async with TLSFleet(folder) as fleet:
        message = os.urandom(20 * MIB)
        async with fleet.connect() as socket_:
            async with asyncio.timeout(120):
                await socket_.send(message)
                back = await socket_.recv()
        assert hashlib.sha256(back).digest() == hashlib.sha256(message).digest()
        await fleet.nothing_held(within=10)
        assert checkers.safe(fleet.ledger(), {}) == []


async def test_slow_readers_hold_little_memory(folder):
    """Each sends on and reads nothing, until the kernel takes no more of it."""
    TLSFleet.slots, slots = SLOW_READERS, TLSFleet.slots
    try:
        async with TLSFleet(folder) as fleet:
            clients = [await fleet.connect().__aenter__() for _ in range(SLOW_READERS)]
            before = resident_bytes(fleet.entry)
            for one in clients:
                one.transport.pause_reading()
            sends = [asyncio.create_task(one.send(os.urandom(SLOW_BYTES))) for one in clients]
            # All are stuck when the gateway's memory and its CPU time stand still.
            seen = []

            def stuck():
                with open(f"/proc/{fleet.entry.pid}/stat", encoding="utf-8") as file:
                    fields = file.read().rpartition(")")[2].split()
                seen.append((resident_bytes(fleet.entry), fields[11], fields[12]))
                return len(seen) > 20 and len(set(seen[-20:])) == 1

            await eventually(stuck, 60, "everything is stuck")
            grown = seen[-1][0] - before
            print(f"{SLOW_READERS} slow readers: {grown / SLOW_READERS / 1024:.0f} KiB each")
            for one in clients:
                one.transport.abort()
            await asyncio.gather(*sends, return_exceptions=True)
            assert grown < MEMORY_GROWTH_MAX
            await fleet.nothing_held(within=20)
    finally:
        TLSFleet.slots = slots


async def test_a_client_that_stops_in_the_handshake_is_closed_in_time(folder):
    async with TLSFleet(folder) as fleet:
        before = fleet.descriptors()
        first = hello()
        readers = []
        for bytes_ in [b"", first[:1], first[: len(first) // 2], first]:
            reader, writer = await asyncio.open_connection("127.0.0.1", fleet.entry.port)
            writer.write(bytes_)
            readers.append((reader, writer))
        began = clock.now()
        async with asyncio.timeout(20):
            for reader, writer in readers:
                try:
                    await reader.read(-1)
                except ConnectionError:
                    pass
                writer.close()
        took = clock.now() - began
        assert 8 < took < 13, took
        await eventually(lambda: fleet.descriptors() <= before, 5, "no descriptor is left")


async def test_resets_in_the_handshake_leave_nothing(folder):
    async with TLSFleet(folder) as fleet:
        fleet.shown()
        before = fleet.descriptors()
        first = hello()
        for number in range(200):
            one = socket.create_connection(("127.0.0.1", fleet.entry.port))
            one.sendall(first[: number * len(first) // 150])
            if number >= 150 and number % 2:
                one.recv(64)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()
        await eventually(lambda: fleet.descriptors() <= before, 10, "no descriptor is left")
        async with fleet.connect() as socket_:
            await socket_.send("still here")
            assert await socket_.recv() == "still here"


async def test_the_certificate_changes_under_a_living_session(folder):
    async with TLSFleet(folder) as fleet:
        old, new = fleet.pair, fleet.authority.pair("two")
        async with fleet.connect() as socket_:
            assert fleet.shown() == old.der()
            mark = fleet.entry.mark()
            shutil.copyfile(new.certificate, old.certificate)
            shutil.copyfile(new.key, old.key)
            await fleet.entry.wait_for("certificate", after=mark, timeout=15)
            assert fleet.shown() == new.der()
            await socket_.send("old session")
            assert await socket_.recv() == "old session"

            # A pair that does not fit changes nothing, and is told once.
            mark = fleet.entry.mark()
            other = fleet.authority.pair("three")
            shutil.copyfile(other.certificate, old.certificate)
            told = await fleet.entry.wait_for("certificate", after=mark, timeout=20)
            assert told.get("level") == "error" and "does not belong to the certificate" in told.get("reason")
            assert fleet.shown() == new.der()

            # At SIGHUP the operator is told again, and what is right then is used at once.
            mark = fleet.entry.mark()
            fleet.entry.signal(signal.SIGHUP)
            await fleet.entry.wait_for("certificate", after=mark, level="error")
            shutil.copyfile(other.key, old.key)
            mark = fleet.entry.mark()
            fleet.entry.signal(signal.SIGHUP)
            await fleet.entry.wait_for("certificate", after=mark, level="info")
            assert fleet.shown() == other.der()
            assert len(fleet.entry.events("certificate", level="error")) == 2
            await socket_.send("still the old session")
            assert await socket_.recv() == "still the old session"


async def test_each_wrong_port_says_what_it_speaks(folder):
    async with TLSFleet(folder) as fleet:
        plain = await fleet.gateway("plain")
        answer = await client.raw(fleet.entry.port, client.upgrade_head("/", "localhost", {}))
        assert answer.startswith(b"HTTP/1.1 400 ") and b"This port speaks TLS" in answer and b"wss://" in answer
        answer = await client.raw(plain.port, hello())
        assert answer.startswith(b"HTTP/1.1 400 ") and b"plain HTTP" in answer
        for line in fleet.lines("refusal"):
            assert line.get("code") == "bad_request"


async def test_wrong_files_are_told_with_their_place(folder):
    authority = Authority(folder)
    one, two = authority.pair("one"), authority.pair("two")
    empty = os.path.join(folder, "empty")
    open(empty, "w", encoding="ascii").close()
    cases = [
        (["--tls-certificate", one.certificate], "--tls-certificate: has no key"),
        (["--tls-key", one.key], "--tls-key: has no certificate"),
        (Pair("/nowhere.pem", one.key).flags, "--tls-certificate: /nowhere.pem cannot be read: No such file"),
        (Pair(one.certificate, "/nowhere.key").flags, "--tls-key: /nowhere.key cannot be read: No such file"),
        (Pair(empty, one.key).flags, "holds no certificate in PEM"),
        (Pair(one.certificate, empty).flags, "holds no private key in PEM"),
        (Pair(one.certificate, two.key).flags, f"--tls-key: {two.key} does not belong to the certificate"),
    ]
    for number, (flags, words) in enumerate(cases):
        process = await run(f"wrong-{number}", [binary("berth"), "gateway", "--listen", "127.0.0.1:0", *flags], folder)
        assert process.code != 0 and words in process.output, process.output
        assert "PRIVATE" not in process.output.replace("-----BEGIN PRIVATE KEY-----)", "")


async def test_what_is_only_unwise_is_a_warning(folder):
    async with Fleet(folder) as fleet:
        authority = Authority(folder)
        pair = authority.pair("old", days=-1)
        os.chmod(pair.key, 0o644)
        gateway = await fleet.gateway(more=pair.flags)
        for words in ["expired on", "every user of this machine may read the key"]:
            await gateway.wait_for("notice", msg=lambda msg, words=words: words in msg)
        # asyncio's client closes without an alert, this one sends it.
        with socket.create_connection(("127.0.0.1", gateway.port)) as plain, pytest.raises(ssl.SSLError):
            authority.context().wrap_socket(plain, server_hostname="localhost")
        failed = await gateway.wait_for("handshake_failed")
        assert "certificate expired" in failed.get("reason")
