"""Clients behind two real HAProxies in a row, and clients that claim to be."""

import asyncio
import json
import os
import shutil
import socket

import pytest
from support.client import raw, upgrade_head
from support.fleet import Fleet, binary, eventually

CONFIG = """
defaults
  mode http
  timeout connect 5s
  timeout client 1m
  timeout server 1m
  option forwardfor
frontend public
  bind "fd@{listener}"
  {rule}
  default_backend next
backend next
  server next {target} source {source}
"""

OUTER, INNER, CLIENT = "127.0.0.2", "127.0.0.3", "127.0.0.7"


class Proxy:
    """One HAProxy on a port that this process chose. It connects onward from an address of its own."""

    @classmethod
    async def start(cls, folder, name, *, source, target, rule=""):
        self = cls()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            # Clients that come before HAProxy is up wait in the backlog.
            listener.listen(64)
            self.port = listener.getsockname()[1]
            path = os.path.join(folder, f"{name}.cfg")
            with open(path, "w", encoding="ascii") as file:
                file.write(CONFIG.format(listener=listener.fileno(), rule=rule, source=source, target=target))
            self.child = await asyncio.create_subprocess_exec(
                "haproxy", "-db", "-f", path, pass_fds=(listener.fileno(),), stderr=asyncio.subprocess.DEVNULL
            )
        return self

    async def dispose(self):
        if self.child.returncode is None:
            self.child.kill()
        await self.child.wait()


async def ask(port: int, head: bytes, source: str) -> str:
    """The first answer to a head that is sent from this address."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    try:
        writer.write(head)
        async with asyncio.timeout(20):
            return (await reader.readuntil(b"\r\n\r\n")).decode()
    finally:
        writer.close()


def discovery(port: int, *lines: str) -> bytes:
    head = ["GET /json/version HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close", *lines]
    return ("\r\n".join(head) + "\r\n\r\n").encode()


@pytest.mark.skipif(not shutil.which("haproxy"), reason="needs haproxy")
async def test_two_proxies_tell_the_clients_address_and_its_tls(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway(more=["--trusted-proxy", "127.0.0.2/31"])
        pools = os.path.join(folder, "pools.yaml")
        with open(pools, "w", encoding="ascii") as file:
            echo = json.dumps([binary("loadtest"), "echo"])
            file.write(f"pools: {{ AppA: {{ slots: 1, kind: command, protocol: cdp, command: {echo} }} }}\n")
        await fleet.worker({}, kind="command", more=["--config", pools])
        await fleet.grantable(1)
        inner = fleet.keep(await Proxy.start(folder, "inner", source=INNER, target=f"127.0.0.1:{gateway.port}"))
        outer = fleet.keep(
            await Proxy.start(
                folder, "outer", source=OUTER, target=f"127.0.0.1:{inner.port}",
                rule="http-request set-header X-Forwarded-Proto https",
            )
        )

        async def address() -> str:
            answer = await raw(outer.port, discovery(outer.port))
            return json.loads(answer.rpartition(b"\r\n\r\n")[2]).get("webSocketDebuggerUrl", "")

        # The gateway hears of the fleet's pools every 2 s.
        assert await eventually(address, 10, "discovery names the CDP pool") == f"wss://127.0.0.1:{outer.port}/cdp"

        forged = {"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6", "x-berth-run": "proxied"}
        head = upgrade_head("/cdp", f"127.0.0.1:{outer.port}", forged)
        assert " 101 " in await ask(outer.port, head, CLIENT)
        assert (await gateway.wait_for("accept", run="proxied")).get("peer") == CLIENT

        head = upgrade_head("/nowhere", f"127.0.0.1:{outer.port}", {})
        assert " 404 " in await ask(outer.port, head, CLIENT)
        assert (await gateway.wait_for("refusal", code="not_found")).get("peer") == CLIENT


async def test_strangers_are_not_believed(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway(more=["--trusted-proxy", "127.0.0.2/31"])
        lines = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "x-berth-run": "direct"}
        head = upgrade_head("/cdp?wait=0", f"127.0.0.1:{gateway.port}", lines)
        # No pool was ever declared.
        assert " 404 " in await ask(gateway.port, head, CLIENT)
        assert (await gateway.wait_for("accept", run="direct")).get("peer") == CLIENT
