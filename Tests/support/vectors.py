"""Reads Tests/Integration/data/hostile_heads.yaml: request heads with the refusal that each must get."""

import os
import re
from dataclasses import dataclass

import yaml

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FILE = os.path.join(TESTS, "Integration", "data", "hostile_heads.yaml")
REPEATED = re.compile(r'(\d+) \* "(.*)"', re.DOTALL)
POST = ["POST /v1/sessions HTTP/1.1", "Host: localhost"]


@dataclass(frozen=True)
class Vector:
    name: str
    data: bytes
    status: int
    code: str
    # Bytes from here on are bytes behind a good head: the gateway knows them as hostile only if it waits for a slot.
    good: int | None = None


def text_of(text: str) -> str:
    repeated = REPEATED.fullmatch(text)
    return int(repeated[1]) * repeated[2].replace("\\r\\n", "\r\n") if repeated else text


def head(lines: list[str]) -> str:
    return "".join(line + "\r\n" for line in lines) + "\r\n"


def put(handshake: list[str], place: str, text: str) -> str:
    """The bytes of a vector, as Latin-1 text."""
    match place:
        case "whole":
            return text
        case "first line":
            return head([text, *handshake[1:]])
        case "field":
            return head([*handshake, text])
        case "post":
            return head([*POST, text])
        case "behind":
            return head(handshake) + text
        case name:
            named = [line.lower().startswith(f"{name}:") for line in handshake]
            assert named.count(True) == 1, f"no place {name}"
            return head([text if hit else line for line, hit in zip(handshake, named)])


def lines_of(handshake: list[str], lines: str, text: str):
    """The handshake with the text at each of its lines: (name of the line, bytes as Latin-1 text)."""
    for at, line in enumerate(handshake):
        before = "".join(other + "\r\n" for other in handshake[:at])
        behind = head(handshake[at + 1 :])
        if lines == "ends":
            # A byte behind the head shows what an unfinished line end is.
            yield line, before + line + text + behind
        elif at:
            yield line, before + text + line + "\r\n" + behind


def vectors_of(group: dict, handshake: list[str]):
    each = group.get("each", [None])
    for filling in each:
        told = "" if filling is None else repr(filling)[1:-1]
        if lines := group.get("lines"):
            for line, text in lines_of(handshake, lines, filling):
                yield f"{told} at {line.partition(' ')[0]}", text
            continue
        vectors = group["vectors"]
        for name, text in vectors.items() if isinstance(vectors, dict) else zip(vectors, vectors):
            if filling is not None:
                name, text = name.replace("{}", told), text.replace("{}", text_of(filling))
            yield name, put(handshake, group["place"], text)


def read() -> tuple[bytes, list[Vector]]:
    """The good handshake, and all vectors."""
    with open(FILE, encoding="utf-8") as file:
        document = yaml.safe_load(file)
    handshake = document["handshake"]
    good = head(handshake).encode("latin-1")
    found = []
    for group in document["groups"]:
        behind = len(good) if group.get("place") == "behind" else None
        for name, text in vectors_of(group, handshake):
            name = f"{group['group']}: {name}"
            found.append(Vector(name, text.encode("latin-1"), group["status"], group["code"], behind))
    return good, found
