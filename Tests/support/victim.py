"""A client as a process of its own, to be killed: `python -I -S victim.py PORT PATH TENANT RUN`. Says `sent`, `101`."""

import os
import socket
import sys

port, path, tenant, run = sys.argv[1:5]
sock = socket.create_connection(("127.0.0.1", int(port)))
sock.sendall(
    f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    f"x-berth-tenant: {tenant}\r\nx-berth-run: {run}\r\n\r\n".encode()
)
os.write(1, b"sent\n")
data = sock.recv(4096)
os.write(1, data.split(b" ")[1] + b"\n" if data else b"end\n")
while sock.recv(4096):
    pass
