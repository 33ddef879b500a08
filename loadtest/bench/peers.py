"""The other proxies beside HAProxy: one thread each, on the proxies' core, with the files of `peers/`."""

import os
import shutil
import socket
import time
from dataclasses import dataclass

from processes import HERE, Bench, Child

ROOT = os.path.dirname(os.path.dirname(HERE))
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:{ROOT}/.venv-proxies/bin"


@dataclass(frozen=True)
class Peer:
    name: str
    title: str
    program: str
    # `{0}` is the path of the first file.
    arguments: tuple[str, ...]
    files: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()


PEERS = {
    peer.name: peer
    for peer in (
        Peer("nginx", "nginx", "nginx", ("-e", "stderr", "-c", "{0}"), ("nginx.conf",)),
        Peer(
            "envoy", "Envoy", "envoy", ("-c", "{0}", "--disable-hot-restart", "--concurrency", "1", "-l", "critical"),
            ("envoy.yaml",)),
        Peer(
            "traefik", "Traefik", "traefik", ("--configFile={0}",), ("traefik.yaml", "traefik-routes.yaml"),
            (("GOMAXPROCS", "1"),)),
        Peer(
            "caddy", "Caddy", "caddy", ("run", "--adapter", "caddyfile", "--config", "{0}"), ("Caddyfile",),
            (("GOMAXPROCS", "1"),)),
    )
}


def start(bench: Bench, peer: Peer, to: str) -> tuple[Child, str]:
    """Starts a proxy in front of `to`; the process and its address."""
    program = shutil.which(peer.program, path=PATH)
    if not program:
        raise SystemExit(f"bench: no {peer.program}; run scripts/setup bench proxies")
    folder = os.path.join(bench.folder, peer.name)
    os.makedirs(folder)
    # Only HAProxy takes a socket that is open already.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    host, _, peer_port = to.partition(":")
    values = {
        "listen": f"127.0.0.1:{port}", "port": str(port), "peer": to, "host": host, "peer_port": peer_port,
        "folder": folder,
    }
    for name in peer.files:
        with open(os.path.join(HERE, "peers", name), encoding="utf-8") as file:
            text = file.read()
        for key, value in values.items():
            text = text.replace("{" + key + "}", value)
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    argv = [program, *(word.replace("{0}", os.path.join(folder, peer.files[0])) for word in peer.arguments)]
    # Caddy and Traefik keep files in the home folder.
    environment = {**dict(peer.environment), "HOME": folder, "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder}
    child = bench.start(peer.name, argv, core=bench.proxy_core, env=environment, to_file=True)
    until = time.monotonic() + 15
    while not upgrades(port):
        if child.process.poll() is not None or time.monotonic() > until:
            raise child.failed("does not serve")
        time.sleep(0.02)
    return child, f"127.0.0.1:{port}"


def upgrades(port: int) -> bool:
    """Whether a client gets a 101. Traefik listens before it has read its routes."""
    head = (
        f"GET /echo HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as one:
            one.sendall(head.encode())
            return one.recv(64).startswith(b"HTTP/1.1 101")
    except OSError:
        return False
