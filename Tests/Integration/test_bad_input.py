"""Wrong flags, files, addresses and heads: a clear message, soon, and a non-zero exit where it is fatal."""

import hashlib
import os
import socket

import pytest
from support import client
from support.fleet import Fleet, binary
from support.process import Process, run
from support.redis_server import RedisServer

UPGRADE = b"Host: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
UPGRADE += b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


async def refuses_to_start(folder, *arguments, words=(), env=None):
    """The command ends by itself within seconds, not with 0, and says each of the words."""
    process = await run("bad", [binary("berth"), *arguments], folder, env=env, timeout=8)
    assert process.code not in (0, None) and process.code > 0, (process.code, process.output)
    for word in words:
        assert word.lower() in process.output.lower(), process.output
    return process.output


@pytest.mark.parametrize("command", ["gateway", "worker", "dev", "status", "audit"])
async def test_an_unknown_flag_is_named(folder, command):
    await refuses_to_start(folder, command, "--nonsense", words=["--nonsense"])


async def test_an_unknown_command_is_named(folder):
    await refuses_to_start(folder, "gatway", words=["gatway"])


@pytest.mark.parametrize(
    "text, words",
    [
        ("tenant:\n  a:\n    cap: 1\n", ["tenant", "berth.yaml:1"]),
        ("tenants:\n  a:\n    capp: 1\n", ["capp", "berth.yaml:3"]),
        ("tenants:\n  a:\n    cap: many\n", ["many"]),
        ("tenants: [\n", ["berth.yaml"]),
    ],
)
async def test_a_bad_configuration_names_its_line(folder, text, words):
    path = os.path.join(folder, "berth.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    await refuses_to_start(folder, "gateway", "--listen", "127.0.0.1:0", "--config", path, words=words)
    await refuses_to_start(folder, "config", "check", "--config", path, words=words)


async def test_a_configuration_that_is_not_there_is_named(folder):
    path = os.path.join(folder, "none.yaml")
    await refuses_to_start(folder, "gateway", "--listen", "127.0.0.1:0", "--config", path, words=["none.yaml"])


@pytest.mark.parametrize(
    "url, words",
    [
        ("http://127.0.0.1:6379", ["redis://"]),
        ("redis+tls://127.0.0.1:6379", ["redis+tls", "rediss://"]),
        ("redis://127.0.0.1:notaport", ["redis"]),
    ],
)
@pytest.mark.parametrize("command", ["gateway", "worker", "status"])
async def test_a_wrong_redis_url_is_explained(folder, command, url, words):
    more = ["--pool", "AppA:x=1", "--kind", "command", "--command", "true"] if command == "worker" else []
    listen = ["--listen", "127.0.0.1:0"] if command != "status" else []
    await refuses_to_start(folder, command, *listen, "--redis", url, *more, words=words)


async def test_authorities_without_tls_are_explained(folder):
    words = ["--redis-ca", "rediss://"]
    await refuses_to_start(folder, "gateway", "--redis", "redis://127.0.0.1:1", "--redis-ca", "/x.pem", words=words)
    words = ["--redis-ca", "/x.pem"]
    await refuses_to_start(folder, "status", "--redis", "rediss://127.0.0.1:1", "--redis-ca", "/x.pem", words=words)


async def test_nobody_at_the_redis_address_is_said(folder):
    await refuses_to_start(folder, "status", "--redis", f"unix://{folder}/nobody.sock", words=["nobody.sock"])


@pytest.mark.parametrize("command", ["gateway", "worker"])
async def test_an_evicting_redis_is_refused(folder, command):
    redis = await RedisServer(folder).start()
    try:
        await redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        await refuses_to_start(folder, *starting(command, redis.url), words=["noeviction"])
    finally:
        await redis.dispose()


@pytest.mark.parametrize("command", ["gateway", "worker"])
async def test_of_a_redis_that_will_not_say_it_warns(folder, command):
    redis = await RedisServer(folder, port=free_port()).start()
    node = None
    try:
        await redis.command("ACL", "SETUSER", "silent", "on", ">pw", "~*", "&*", "+@all", "-config", "-info")
        url = f"redis://silent:pw@127.0.0.1:{redis.port}"
        node = await Process.start("node", [binary("berth"), *starting(command, url)], folder)
        warning = await node.wait_for("store", level="warning")
        assert "noeviction" in warning.get("msg")
        await node.wait_for("listening")
        assert "pw@" not in node.output
    finally:
        if node:
            await node.dispose()
        await redis.dispose()


def starting(command, url):
    more = ["--pool", "AppA:x=1", "--kind", "command", "--command", "true"] if command == "worker" else []
    return [command, "--listen", "127.0.0.1:0", "--redis", url, *more]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


@pytest.mark.parametrize("command", ["gateway", "worker"])
async def test_a_port_in_use_is_named(folder, command):
    redis = await RedisServer(folder).start()
    try:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            port = str(sock.getsockname()[1])
            arguments = starting(command, redis.url)
            arguments[arguments.index("127.0.0.1:0")] = f"127.0.0.1:{port}"
            await refuses_to_start(folder, *arguments, words=[port, "in use"])
    finally:
        await redis.dispose()


async def test_a_gateway_is_not_open_by_accident(folder):
    redis = await RedisServer(folder).start()
    try:
        await refuses_to_start(
            folder, "gateway", "--listen", "0.0.0.0:0", "--redis", redis.url, words=["--insecure-open"]
        )
    finally:
        await redis.dispose()


async def test_a_pool_nobody_serves_is_refused_with_words(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        await fleet.worker({"AppA:x": 1})
        saw = await client.session(fleet.client("c", path="/pool/AppB:z"), answer_timeout=5)
        assert (saw.status, saw.code) == (404, "unknown_pool") and "AppB:z" in saw.message


GET = b"GET /pool/* HTTP/1.1\r\n" + UPGRADE
END = b"\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"

HEADS = {
    "100 KiB head": (GET + b"x: " + b"a" * 102_400 + b"\r\n" + END, 431),
    "101 fields": (GET + b"".join(b"x%d: 1\r\n" % n for n in range(101)) + END, 431),
    "garbage before the head": (b"\x16\x03\x01\x02\x00\x01\x00garbage\r\n\r\n", 400),
    "CL.TE": (GET + b"Content-Length: 4\r\n" + CHUNKED + END + b"0\r\n\r\n", 400),
    "TE.CL": (GET + CHUNKED + b"Content-Length: 4\r\n" + END, 400),
    "two lengths": (GET + b"Content-Length: 0\r\nContent-Length: 5\r\n" + END + b"hello", 400),
    "odd length": (GET + b"Content-Length: +0\r\n" + END, 400),
    "obs-fold": (GET + b"x: a\r\n b\r\n" + END, 400),
    "bare LF": ((GET + END).replace(b"\r\n", b"\n"), 400),
    "bare CR": (GET + b"x: a\rb\r\n" + END, 400),
    "NUL": (GET + b"x: a\0b\r\n" + END, 400),
    "space before colon": (GET + b"x : a\r\n" + END, 400),
    "two Hosts": (GET + b"Host: localhost\r\n" + END, 400),
    "absolute form": (GET.replace(b"/pool/*", b"http://elsewhere/pool/*") + END, 400),
    "bytes behind the head": (GET + END + GET, 400),
    "chunked GET": (GET + CHUNKED + END + b"0\r\n\r\n", 400),
    "HTTP/1.0": (GET.replace(b"HTTP/1.1", b"HTTP/1.0") + END, 400),
    "PROXY protocol, version 1": (b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 80\r\n" + GET + END, 400),
    "PROXY protocol, version 2": (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + b"\x7f\0\0\1" * 3 + GET + END, 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "foreign origin": (GET + b"Origin: http://evil.example\r\n" + END, 403),
    "not an upgrade": (b"GET /pool/* HTTP/1.1\r\nHost: localhost\r\n\r\n", 426),
    "POST": (GET.replace(b"GET", b"POST") + b"Content-Length: 0\r\n" + END, 405),
}


async def test_bad_heads_are_refused_and_reach_nobody(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker({"AppA:x": 2})
        await fleet.grantable(2)
        wrong = []
        for name, (data, status) in HEADS.items():
            answer = await client.raw(gateway.port, data, timeout=5)
            line = answer.split(b"\r\n", 1)[0]
            if not line.startswith(b"HTTP/1.1 %d " % status):
                wrong.append(f"{name}: {line!r}, not {status}")
            elif b'"error"' not in answer or b'"message"' not in answer:
                wrong.append(f"{name}: no words in {answer!r}")
            if answer.count(b"HTTP/1.1 4") > 1:
                wrong.append(f"{name}: answered twice: {answer!r}")
        assert wrong == []
        assert fleet.ledger().services == []
        assert (await client.session(fleet.client("honest"))).served


CHECKS = [
    b"OPTIONS / HTTP/1.0\r\n\r\n",
    b"HEAD / HTTP/1.0\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: balancer\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: 10.0.0.5:8080\r\nConnection: close\r\n\r\n",
]


async def test_checks_of_balancers_need_no_key_and_write_no_line(folder):
    async with Fleet(folder) as fleet:
        key = "key=" + hashlib.sha256(b"secret key").hexdigest()
        gateway = await fleet.gateway(more=["--tenant", f"acme:{key}"])
        before = len(gateway.lines)
        for check in CHECKS:
            answer = await client.raw(gateway.port, check, timeout=5)
            assert answer.startswith(b"HTTP/1.1 204 ") and answer.endswith(b"\r\n\r\n"), answer
        assert [line for line in gateway.lines[before:] if line.event == "refusal"] == []


async def test_a_library_that_sends_its_target_as_the_origin_is_served(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker({"AppA:x": 1})
        origin = {"Origin": f"http://127.0.0.1:{gateway.port}"}
        assert (await client.session(fleet.client("own", headers=origin), answer_timeout=10)).served


async def test_an_unfinished_head_is_told_so_after_ten_seconds(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        answer = await client.raw(gateway.port, b"GET /pool/* HTTP/1.1\r\n" + UPGRADE, timeout=14)
        assert answer.startswith(b"HTTP/1.1 408 ") and b"head_timeout" in answer


@pytest.mark.parametrize(
    "headers, path",
    [
        ({"x-berth-wait": "soon"}, "/pool/*"),
        ({}, "/pool/*?wait=-1"),
        ({}, "/pool/*?priority=high"),
        ({}, "/pool/*?ttl=0"),
        ({}, "/pool/a%20b"),
    ],
)
async def test_bad_options_are_refused_with_words(folder, headers, path):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        saw = await client.session(fleet.client("c", path=path, headers=headers), answer_timeout=5)
        assert (saw.status, saw.code) in ((400, "bad_request"), (404, "unknown_pool")) and saw.message
