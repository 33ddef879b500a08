"""Requests in two pieces, which the gateway reads one by one, and the answers. Blocking: call it in a thread."""

import re
import socket
import struct

RESET = struct.pack("ii", 1, 0)
CHECK = b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"
ANSWER_SECONDS = 60


def connected(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # No connection is left waiting for its port, of which 30,000 would be too few.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    return sock


def rest(sock: socket.socket) -> bytes:
    """All bytes up to the end of the connection."""
    out = b""
    try:
        while more := sock.recv(65536):
            out += more
    except ConnectionError:
        pass
    return out


def await_turn(port: int):
    """The gateway has read what earlier connections sent: it reads in the order in which bytes arrive."""
    with connected(port) as sock:
        sock.sendall(CHECK)
        answer = rest(sock)
    assert answer.startswith(b"HTTP/1.1 204 "), answer


def send(sock: socket.socket, data: bytes):
    try:
        sock.sendall(data)
    except ConnectionError:
        # The gateway knew enough and closed.
        pass


def answers(port: int, requests: list[tuple[bytes, int]]) -> list[bytes]:
    """Sends requests side by side, each in pieces before and from its split, and reads the answers to their ends."""
    socks = [connected(port) for _ in requests]
    try:
        for sock, (data, at) in zip(socks, requests):
            send(sock, data[:at])
        if any(at < len(data) for data, at in requests):
            await_turn(port)
        for sock, (data, at) in zip(socks, requests):
            send(sock, data[at:])
        return [rest(sock) for sock in socks]
    finally:
        for sock in socks:
            sock.close()


def first_answers(port: int, requests: list[bytes]) -> list[bytes]:
    """The bytes that the gateway sent as soon as it had read each request: none if it waits for more."""
    socks = [connected(port) for _ in requests]
    try:
        for sock, data in zip(socks, requests):
            send(sock, data)
        await_turn(port)
        return [arrived(sock) for sock in socks]
    finally:
        for sock in socks:
            sock.close()


def arrived(sock: socket.socket) -> bytes:
    sock.setblocking(False)
    try:
        return sock.recv(65536)
    except (BlockingIOError, ConnectionError):
        return b""


def verdict(answer: bytes) -> tuple[int, str]:
    """The status and the code of an answer: 0 if there is none."""
    status = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    code = re.search(rb'\r\n\r\n\{"error":\{"code":"(\w+)","message":"[^"]', answer)
    return int(status[1]) if status else 0, code[1].decode() if code else ""
