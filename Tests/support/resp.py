"""RESP2, as much of it as a test client and a proxy need."""


class ErrorReply(str):
    pass


class Incomplete(Exception):
    """The buffer ends inside a reply."""


def command(*arguments) -> bytes:
    out = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = argument if isinstance(argument, bytes) else str(argument).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(out)


def parse(buffer: bytes, at: int = 0):
    """One reply that begins at `at`: (value, index behind it). Raises `Incomplete` when more bytes are needed."""
    end = buffer.find(b"\r\n", at)
    if end < 0:
        raise Incomplete
    kind, text, at = buffer[at : at + 1], buffer[at + 1 : end], end + 2
    if kind == b"+":
        return text.decode(), at
    if kind == b"-":
        return ErrorReply(text.decode()), at
    if kind == b":":
        return int(text), at
    if kind == b"$":
        size = int(text)
        if size < 0:
            return None, at
        if len(buffer) < at + size + 2:
            raise Incomplete
        return buffer[at : at + size], at + size + 2
    if kind == b"*":
        if int(text) < 0:
            return None, at
        items = []
        for _ in range(int(text)):
            item, at = parse(buffer, at)
            items.append(item)
        return items, at
    raise ValueError(f"not RESP: {kind!r}")


async def read_reply(reader):
    buffer = b""
    while True:
        try:
            return parse(buffer)[0]
        except Incomplete:
            more = await reader.read(65536)
            if not more:
                raise ConnectionError("redis closed the connection") from None
            buffer += more
