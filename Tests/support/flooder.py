"""A client that never stays: `python -I -S flooder.py PORT SECONDS OPEN MANNER TENANT PATH [RATE]`.

`reset` sends a whole head and resets, `silent` sends nothing; OPEN connections are open at most, the oldest ends first.
RATE is connections a second; without it as fast as it can. Says how many connections it made.
"""

import collections
import errno
import os
import socket
import struct
import sys
import time

port, seconds, most = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
manner, tenant, path = sys.argv[4:7]
pause = 1 / float(sys.argv[7]) if len(sys.argv) > 7 else 0.0
head = (
    f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    f"x-berth-tenant: {tenant}\r\nx-berth-run: flood\r\n\r\n"
).encode()
RESET = struct.pack("ii", 1, 0)
connections = collections.deque()
made = 0
due = time.monotonic()
until = due + seconds
while (now := time.monotonic()) < until:
    if now < due:
        time.sleep(due - now)
        continue
    due += pause
    sock = socket.socket()
    sock.setblocking(False)
    if sock.connect_ex(("127.0.0.1", port)) not in (0, errno.EINPROGRESS):
        sock.close()
        continue
    if manner == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        try:
            sock.send(head)
        except OSError:
            # The backlog is full: this connection never came to be.
            sock.close()
            continue
    made += 1
    connections.append(sock)
    if len(connections) > most:
        connections.popleft().close()
for sock in connections:
    sock.close()
os.write(1, b"%d\n" % made)
