"""Connections that say nothing, as fast as one process makes them: `flood.py <source> <port> <seconds> <most>`.

Each is reset at once when 3,000 are open. Ends by itself, and tells how many there were.
"""

import json
import socket
import struct
import sys
import time

source, port, seconds, most = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
RESET = struct.pack("ii", 1, 0)


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


open_now, count = [], 0
until = time.monotonic() + seconds
say("flooding")
while count < most and time.monotonic() < until:
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    one.setblocking(False)
    try:
        one.bind((source, 0))
        one.connect_ex(("127.0.0.1", port))
        count += 1
        open_now.append(one)
    except OSError:
        one.close()
    if len(open_now) > 3_000:
        open_now.pop(0).close()
say("flooded", connections=count)
