"""A client that never stays: `python -I -S flooder.py PORT SECONDS OPEN`.

It connects as fast as it can, or `--rate` times a second. It resets the oldest connection when more than OPEN are open.
A connection sends nothing, or with `--head` one whole request head. The last line of output counts the connections.
"""

import argparse
import collections
import errno
import json
import socket
import struct
import time

parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("seconds", type=float)
parser.add_argument("open", type=int)
parser.add_argument("--head", nargs=2, metavar=("TENANT", "PATH"))
parser.add_argument("--source", help="the address that the connections come from")
parser.add_argument("--rate", type=float, help="connections a second")
options = parser.parse_args()

RESET = struct.pack("ii", 1, 0)
HEAD = b""
if options.head:
    tenant, path = options.head
    HEAD = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{options.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"x-berth-tenant: {tenant}\r\nx-berth-run: flood\r\n\r\n"
    ).encode()


def connected() -> socket.socket | None:
    """A new connection that sent what it has to send. None if the kernel made no connection."""
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    try:
        if options.source:
            sock.bind((options.source, 0))
        if sock.connect_ex(("127.0.0.1", options.port)) in (0, errno.EINPROGRESS):
            if HEAD:
                # Fails if the backlog is full.
                sock.send(HEAD)
            return sock
    except OSError:
        pass
    sock.close()
    return None


connections = collections.deque()
made = 0
pause = 1 / options.rate if options.rate else 0.0
due = time.monotonic()
until = due + options.seconds
while (now := time.monotonic()) < until:
    if now < due:
        time.sleep(due - now)
        continue
    due += pause
    if sock := connected():
        made += 1
        connections.append(sock)
        if len(connections) > options.open:
            connections.popleft().close()
for sock in connections:
    sock.close()
print(json.dumps({"event": "flooded", "connections": made}))
