"""The harness against real Redis and plain sockets: what it records, drops and cuts is what it says."""

import asyncio
import os
import resource
import signal
import sys
from types import SimpleNamespace

import pytest

from support import client, clock, resp
from support.fleet import Fleet
from support.packed import packed
from support.path_proxy import PathProxy
from support.process import Ended, Process, run
from support.redis_proxy import RedisProxy
from support.redis_server import Monitor, RedisServer, parse_monitor


def python(code):
    return [sys.executable, "-u", "-c", code]


async def test_a_process_is_awaited_by_its_log(folder):
    code = 'print(\'{"event":"up","n":1,"ts":"2026-01-01T00:00:00.250Z"}\'); import time; time.sleep(60)'
    process = await Process.start("p", python(code), folder)
    line = await process.wait_for("up", n=lambda n: n > 0)
    assert line.at == clock.from_rfc3339("2026-01-01T00:00:00.250+00:00") and line.read > line.at
    with pytest.raises(Ended, match="no down"):
        await process.wait_for("down", timeout=0.1)
    await process.kill()
    assert process.code == -signal.SIGKILL
    with pytest.raises(Ended, match="ended with -9"):
        await process.wait_for("down")


async def test_waiting_ends_when_the_process_does(folder):
    process = await Process.start("p", python("raise SystemExit(3)"), folder)
    with pytest.raises(Ended, match="ended with 3"):
        await process.wait_for("up")


async def test_dispose_ends_the_whole_group(folder):
    code = "import subprocess,time; print(subprocess.Popen(['sleep','60']).pid); time.sleep(60)"
    process = await Process.start("p", python(code), folder)
    child = int((await process.wait_for(where=lambda line: line.text.isdigit())).text)
    await process.dispose()
    for _ in range(200):
        try:
            state = open(f"/proc/{child}/stat", encoding="ascii").read().split()[2]
        except OSError:
            return
        if state == "Z":
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the grandchild lives")


async def test_open_files_are_limited(folder):
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    process = await Process.start("p", python(code), folder, open_files=50)
    await process.exit()
    assert process.output == "(50, 50)" and resource.getrlimit(resource.RLIMIT_NOFILE)[0] != 50


async def test_redis_restarts_with_its_data_and_empty(folder):
    redis = await RedisServer(folder, persist=True).start()
    try:
        await redis.command("SET", "a", "1")
        await redis.restart(empty=False)
        assert await redis.command("GET", "a") == b"1"
        await redis.restart(empty=True)
        assert await redis.keys() == []
    finally:
        await redis.dispose()


async def test_what_redis_still_holds_is_told(folder):
    redis = await RedisServer(folder).start()
    try:
        held = Fleet.nothing_held
        await held(SimpleNamespace(redis=redis), within=5)
        await redis.command("SADD", "berth:{f}:tenant:a:held", "w.1")
        await redis.command("SET", "berth:{f}:slot:w/1", packed("slot", lease="w.1", state="granted"))
        with pytest.raises(AssertionError, match=r"(?s)no lease is left.*w\.1.*granted"):
            await held(SimpleNamespace(redis=redis), within=0.1)
    finally:
        await redis.dispose()


async def test_monitor_records_what_scripts_do(folder):
    redis = await RedisServer(folder).start()
    try:
        monitor = await Monitor(redis.path).start()
        await redis.command("EVAL", "return redis.call('SADD', KEYS[1], ARGV[1])", 1, "k", b'a "b"\n\xff\\')
        await monitor.stop()
        kinds = [(source, arguments[0].upper()) for _, source, arguments in monitor.entries]
        assert kinds[0][1] == b"EVAL" and kinds[1] == ("lua", b"SADD")
        assert monitor.entries[1][2] == [b"SADD", b"k", b'a "b"\n\xff\\']
        assert abs(monitor.entries[1][0] - clock.now()) < 5
    finally:
        await redis.dispose()


async def test_monitor_ends_at_its_mark_however_much_follows(folder):
    redis = await RedisServer(folder).start()
    try:
        monitor = await Monitor(redis.path).start()
        reader, writer = await asyncio.open_unix_connection(redis.path)
        writer.write(resp.command("ECHO", monitor.mark) + resp.command("PING") * 200)
        await reader.readuntil(b"+PONG\r\n" * 200)
        writer.close()
        await asyncio.wait_for(monitor.stop(), 5)
        assert monitor.entries[-1][2] == [b"ECHO", monitor.mark]
    finally:
        await redis.dispose()


def test_monitor_lines():
    at, source, arguments = parse_monitor(b'+1700000000.5 [0 unix:/tmp/x] "SET" "a\\x00b" ""\r\n')
    assert (source, arguments) == ("unix:/tmp/x", [b"SET", b"a\x00b", b""])
    assert parse_monitor(b"+OK\r\n") is None
    assert parse_monitor(b'+1700000000.5 [0 unix:/tmp/x] "SCRIPT" "LOAD" "return 1"\r\n') is None


async def subscriber(url_path, channel):
    reader, writer = await asyncio.open_unix_connection(url_path)
    writer.write(resp.command("SUBSCRIBE", channel))
    assert (await resp.read_reply(reader))[0] == b"subscribe"
    return reader, writer


async def test_the_redis_proxy_drops_messages_and_nothing_else(folder):
    redis = await RedisServer(folder).start()
    proxy = await RedisProxy(folder, redis.path).start()
    try:
        reader, writer = await subscriber(proxy.path, "c")
        await redis.command("PUBLISH", "c", "one")
        assert await resp.read_reply(reader) == [b"message", b"c", b"one"]
        proxy.drop_messages = True
        await redis.command("PUBLISH", "c", "two")
        writer.write(resp.command("PING"))
        assert await resp.read_reply(reader) == [b"pong", b""]
        assert (proxy.dropped, proxy.passed) == (1, 1)
        proxy.cut()
        assert await reader.read() == b""
        with pytest.raises(OSError):
            await asyncio.open_unix_connection(proxy.path)
    finally:
        await proxy.dispose()
        await redis.dispose()


def test_the_redis_proxy_keeps_a_split_reply_whole(folder):
    proxy = RedisProxy(folder, "")
    proxy.drop_messages = True
    data = resp.command("message", "c", "x") + b"+OK\r\n" + resp.command("message", "d", "y")
    for cut in range(len(data) + 1):
        out, rest = proxy._filter(data[:cut])
        more, rest = proxy._filter(rest + data[cut:])
        assert (out + more, rest) == (b"+OK\r\n", b"")


def test_the_redis_proxy_rewrites_addresses(folder):
    proxy = RedisProxy(folder, "")
    proxy.addresses = {b"127.0.0.1:40001": b"127.0.0.1:40002"}
    data = resp.command("message", "c", "w1 127.0.0.1:40001 x")
    assert proxy._filter(data) == (data.replace(b"40001", b"40002"), b"")


async def echo_server():
    """As `loadtest echo`, in a few lines: 101, then frames back as frames."""

    async def serve(reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"refuse" in head:
                body = b'{"error":{"code":"would_wait","message":"no slot"}}'
                writer.write(b"HTTP/1.1 429 Too Many\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                writer.close()
                return
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
            while True:
                first, second = await reader.readexactly(2)
                size = second & 127
                assert second & 128 and size < 126
                mask = await reader.readexactly(4)
                data = bytes(b ^ mask[i % 4] for i, b in enumerate(await reader.readexactly(size)))
                writer.write(bytes([first, size]) + data)
                if first & 15 == 8:
                    writer.close()
                    return
        except (EOFError, OSError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def test_the_client_is_served_and_refused():
    server, port = await echo_server()
    saw = await client.session(client.make("c", port), hold=0)
    assert saw.served and saw.echoed == 64
    refused = await client.session(client.make("c", port, path="/refuse"))
    assert (refused.status, refused.code, refused.message, refused.served) == (429, "would_wait", "no slot", False)
    server.close()


@pytest.mark.parametrize("how, expected", [("fin", b""), ("rst", ConnectionResetError)])
async def test_the_client_leaves(how, expected):
    seen = asyncio.get_running_loop().create_future()

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        try:
            seen.set_result(await reader.read())
        except OSError as error:
            seen.set_result(type(error))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    one = await client.make("c", server.sockets[0].getsockname()[1]).open()
    await one.writer.drain()
    await asyncio.sleep(0)
    one.leave(how)
    assert await asyncio.wait_for(seen, 5) == expected
    server.close()


async def test_the_victim_can_be_killed(folder):
    server, port = await echo_server()
    script = os.path.join(os.path.dirname(__file__), "victim.py")
    process = await Process.start("v", [sys.executable, "-I", "-S", script, str(port), "/", "t", "r"], folder)
    await process.wait_for(where=lambda line: line.text == "101")
    assert await process.kill() == -signal.SIGKILL
    server.close()


async def test_the_path_proxy_passes_blocks_and_goes(folder):
    server, port = await echo_server()
    proxy = await PathProxy().start()
    proxy.target = ("127.0.0.1", port)
    saw = await client.session(client.make("c", proxy.port), hold=0)
    assert saw.served and proxy.tries[0][1] == "pass"
    proxy.mode = "reset"
    assert not (await client.session(client.make("c", proxy.port))).served
    assert proxy.tries[-1][1] == "reset"
    proxy.release()
    assert (await client.session(client.make("c", proxy.port), hold=0)).served
    proxy.mode = "silent"
    saw = await client.session(client.make("c", proxy.port), answer_timeout=0.1)
    assert saw.status is None and "Timeout" in saw.error
    proxy.gone()
    assert "refused" in (await client.session(client.make("c", proxy.port))).error.lower()
    await proxy.dispose()
    server.close()


async def test_run_returns_the_output(folder):
    process = await run("p", python("import sys; print('out'); sys.exit(2)"), folder)
    assert (process.code, process.output) == (2, "out")
