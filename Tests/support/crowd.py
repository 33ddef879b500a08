"""Clients that take their time: `python -I -S crowd.py PORT KIND COUNT SECONDS`.

It opens COUNT connections and keeps that many open for SECONDS after all of them have begun:

heads    a byte of a request head each second, and no end
readers  a handshake; then 3 MiB of frames as fast as they are taken, and 512 bytes read a second
parked   a handshake, and nothing else

A connection that the other side closes is opened again. The line `begun` is printed when all have begun; the last line
counts connections, and answers by their status.
"""

import argparse
import collections
import errno
import json
import select
import socket
import struct
import time

parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("kind", choices=["heads", "readers", "parked"])
parser.add_argument("count", type=int)
parser.add_argument("seconds", type=float)
parser.add_argument("--tenant", default="default")
parser.add_argument("--path", default="/pool/*")
parser.add_argument("--kib", type=int, default=3_072, help="what a reader sends, in all")
parser.add_argument("--source", help="the address that the connections come from")
options = parser.parse_args()

HANDSHAKE = (
    f"GET {options.path} HTTP/1.1\r\nHost: 127.0.0.1:{options.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    f"x-berth-tenant: {options.tenant}\r\nx-berth-run: crowd\r\n\r\n"
).encode()
# A masked binary frame of zeros: its key is zero too.
FRAME = struct.pack("!BBQI", 0x82, 0x80 | 127, 65_536, 0) + bytes(65_536)
RESET = struct.pack("ii", 1, 0)
# So many connections are opened before the others have their turn: the backlog is no longer.
OPENED_A_TURN = 100
TURN_SECONDS = 0.05

poll = select.epoll()
counts = collections.Counter()


class Connection:
    def __init__(self):
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        if options.kind == "readers":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        if options.source:
            self.sock.bind((options.source, 0))
        self.sock.connect_ex(("127.0.0.1", options.port))
        self.answer = b""
        self.sent = 0
        self.frame, self.frames = memoryview(b""), options.kib // 64
        self.has_begun = False
        counts["connections"] += 1
        poll.register(self.sock, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)

    def write(self, data) -> int:
        try:
            return self.sock.send(data)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ENOTCONN, errno.EPIPE, errno.ECONNRESET):
                raise
            return 0

    def tick(self):
        """Once a second."""
        if options.kind == "heads":
            line = b"GET / HTTP/1.1\r\nX-A: " if self.sent < 21 else b"a" * 22
            sent = self.write(line[self.sent % 22 :][:1])
            self.sent += sent
            self.has_begun = self.has_begun or sent > 0
        elif options.kind == "readers" and self.has_begun:
            self.read(512)
            while self.frames or self.frame:
                if not self.frame:
                    self.frame, self.frames = memoryview(FRAME), self.frames - 1
                taken = self.write(self.frame)
                counts["bytes"] += taken
                self.frame = self.frame[taken:]
                if self.frame:
                    break

    def ready(self, events) -> bool:
        """False if the connection is over."""
        if events & select.EPOLLOUT and not self.sent and options.kind != "heads":
            self.sent = self.write(HANDSHAKE)
            self.has_begun = self.has_begun or (options.kind == "parked" and self.sent > 0)
        if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR) and not (
            options.kind == "readers" and self.has_begun
        ):
            return self.read(4_096)
        return True

    def read(self, most) -> bool:
        try:
            data = self.sock.recv(most)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        if not self.answer and data:
            counts[data[9:12].decode("latin-1")] += 1
            self.has_begun = self.has_begun or data[9:12] == b"101"
        self.answer = self.answer or data
        return bool(data)


connections: dict[int, Connection] = {}
is_told = False
due = collections.deque()
until = float("inf")
while (now := time.monotonic()) < until:
    for _ in range(min(OPENED_A_TURN, options.count - len(connections))):
        one = Connection()
        connections[one.sock.fileno()] = one
        due.append((now + 0.2, one))
    while due and due[0][0] <= now:
        at, one = due.popleft()
        if one.sock.fileno() >= 0:
            one.tick()
            due.append((max(at + 1.0, now), one))
    for number, events in poll.poll(TURN_SECONDS, 4_096):
        one = connections[number]
        if not one.ready(events):
            del connections[number]
            counts["closed"] += 1
            one.sock.close()
    begun = len(connections) == options.count and all(one.has_begun for one in connections.values())
    if not is_told and begun:
        is_told = True
        until = time.monotonic() + options.seconds
        print(json.dumps({"event": "begun"}), flush=True)
for one in connections.values():
    one.sock.close()
print(json.dumps({"event": "over", "open": len(connections), **counts}), flush=True)
