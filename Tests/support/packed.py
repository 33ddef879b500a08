"""The rows that the scripts keep packed, by their own names (`PackedRow` in Swift): doubles, and texts that a zero byte ends."""

import struct

FORMATS = {
    "state": (
        "ddddddddddd",
        "schema epoch after commit lastTime grace holdOff lastTicket nextSweep seq more",
    ),
    "call": ("ddd", "connection commit ended"),
    "waiter": ("ddsssssssssss", "ticket score attempt keep lease place tenant selector gateway run alias state why"),
    "worker": ("dddddssssss", "slots backoff lifetime served draining state trial claimant address pools map"),
    "slot": (
        "ddddddddsssssssss",
        "epoch number attach keep deadline since cap over state lease how pool tenant gateway back ending attachment",
    ),
}


def packed(kind: str, **values) -> bytes:
    """A row with those values; the others are 0 or empty."""
    format, names = FORMATS[kind]
    parts = []
    for letter, name in zip(format, names.split()):
        if letter == "d":
            parts.append(struct.pack("<d", values.get(name, 0)))
        else:
            parts.append(str(values.get(name, "")).encode("utf-8", "surrogateescape") + b"\0")
    return b"".join(parts)


def changed(kind: str, data: bytes, **values) -> bytes:
    """The row with other values."""
    return packed(kind, **{**row(kind, data.decode("utf-8", "surrogateescape")), **values})


def row(kind: str, text: str) -> dict:
    """A row's values by name; empty where there is none. `text` is what was read as UTF-8 with surrogate escapes."""
    if not text:
        return {}
    data, at, values = text.encode("utf-8", "surrogateescape"), 0, {}
    format, names = FORMATS[kind]
    for letter, name in zip(format, names.split()):
        if letter == "d":
            values[name] = struct.unpack_from("<d", data, at)[0]
            at += 8
        else:
            end = data.index(b"\0", at)
            values[name] = data[at:end].decode("utf-8", "surrogateescape")
            at = end + 1
    return values
