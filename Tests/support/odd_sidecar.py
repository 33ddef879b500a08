"""A `command` sidecar with faults on demand: `python -I -S odd_sidecar.py [RECORD]`.

A head with `x-make-500` is answered 500, one with `x-stay-silent` not at all. SIGUSR1 closes the listener and keeps the process alive.
All bytes before the answer go to the file RECORD.
"""

import os
import signal
import socket
import sys
import threading

record = open(sys.argv[1], "ab", buffering=0) if len(sys.argv) > 1 else None


def serve(sock):
    try:
        head = b""
        while b"\r\n\r\n" not in head:
            more = sock.recv(4096)
            if not more:
                return
            head += more
        if record:
            record.write(head)
        if b"x-make-500" in head.lower():
            sock.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops")
            return
        if b"x-stay-silent" in head.lower():
            sock.recv(1)
            return
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        stream = sock.makefile("rb")
        while True:
            first, second = stream.read(2)
            mask = stream.read(4)
            data = bytes(b ^ mask[i % 4] for i, b in enumerate(stream.read(second & 127)))
            sock.sendall(bytes([first, len(data)]) + data)
            if first & 15 == 8:
                return
    except (OSError, ValueError):
        pass
    finally:
        sock.close()


listener = socket.create_server(("127.0.0.1", 0))
signal.signal(signal.SIGUSR1, lambda *_: listener.shutdown(socket.SHUT_RDWR))
os.write(1, b"ws://127.0.0.1:%d/odd\n" % listener.getsockname()[1])
while True:
    try:
        accepted, _ = listener.accept()
    except OSError:
        listener.close()
        signal.pause()
        continue
    threading.Thread(target=serve, args=(accepted,), daemon=True).start()
