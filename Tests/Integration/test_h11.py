"""Berth beside h11, a parser of HTTP/1.1 with another history: a head that h11 refuses is refused by a gateway too."""

import asyncio
import collections
import os
import random

import h11
from support import splits, vectors
from support.fleet import Fleet

LONG = bool(os.environ.get("BERTH_LONG"))
MUTATIONS = int(os.environ.get("BERTH_MUTATIONS") or ("50000" if LONG else "3000"))
SEED = int(os.environ.get("BERTH_SEED") or 14)
BATCH = 64
REFUSED = {"bad_request", "head_too_large"}

# Good heads, each of which a gateway answers at once, with its status.
GOOD = {
    b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n": 404,
    b"GET /nowhere?a=b%20c&d HTTP/1.1\r\nUser-Agent: Playwright/1.65.0 (x64; debian 12) node/24.1\r\n"
    b"Host: 127.0.0.1:8080\r\nx-playwright-browser: chromium\r\nX-Empty:\r\nX-Text: caf\xc3\xa9\r\n\r\n": 404,
    b"GET /json/version HTTP/1.1\r\nHost: [::1]:8080\r\nAccept: */*\r\nConnection: close\r\n\r\n": 200,
    b"POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n"
    b'{"wait":"x"}': 400,
    b"DELETE /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nAuthorization: Bearer abc\r\n\r\n": 404,
    b"HEAD / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: balancer\r\n\r\n": 204,
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n": 204,
    b"OPTIONS / HTTP/1.0\r\n\r\n": 204,
}
SEPARATORS = b"\r\n\t :;,/?#%=\"()<>@[]{}\\\0\x0b\x0c\x1b\x7f\x80\x85\xa0\xff0123456789GHTP.+-*"


def is_check_without_host(data: bytes) -> bool:
    """Balancers check by HTTP/1.1 without a Host, so Berth answers: a check reaches no slot and shows nothing."""
    words = data.partition(b"\r\n")[0].split(b" ")
    return words[:2] in ([b"HEAD", b"/"], [b"OPTIONS", b"/"], [b"OPTIONS", b"*"]) and b"\r\nhost:" not in data.lower()


# What Berth takes and h11 does not. Each has its reason.
ALLOWED = (is_check_without_host,)


def h11_refuses(data: bytes) -> bool:
    connection = h11.Connection(h11.SERVER)
    try:
        connection.receive_data(data)
        connection.next_event()
    except h11.RemoteProtocolError:
        return True
    return False


def mutated(rng: random.Random, lines: list[bytes]) -> bytes:
    """A good head with one to three changes: of bytes, of lines, or a line of a hostile head."""
    data = rng.choice(list(GOOD))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(data) + 1)
        byte = bytes([rng.choice(SEPARATORS) if rng.random() < 0.8 else rng.randrange(256)])
        parts = data.split(b"\r\n")
        line = rng.randrange(max(1, len(parts) - 2))
        match rng.randrange(9):
            case 0:
                data = data[:at] + byte + data[at:]
            case 1:
                data = data[:at] + byte + data[at + 1 :]
            case 2:
                data = data[:at] + data[at + rng.randint(1, 4) :]
            case 3:
                data = data[:at] + data[at : at + 8] + data[at:]
            case 4:
                data = b"\r\n".join([*parts[: line + 1], parts[line], *parts[line + 1 :]])
            case 5:
                data = b"\r\n".join([*parts[:line], *parts[line + 1 :]])
            case 6:
                data = b"\r\n".join([*parts[: line + 1], rng.choice(lines), *parts[line + 1 :]])
            case 7:
                data = data.replace(b": ", rng.choice((b" : ", b":", b":\t", b"\t:", b": \0")), 1)
            case 8:
                ends = [found for found in range(len(data) - 1) if data[found : found + 2] == b"\r\n"]
                end = rng.choice(ends or [0])
                data = data[:end] + rng.choice((b"\n", b"\r", b"\r\n ", b"\n\r", b"\r\n\t")) + data[end + 2 :]
    return data


def verdicts(port: int, requests: list[bytes]) -> list[tuple[int, str]]:
    found = []
    for at in range(0, len(requests), BATCH):
        found += map(splits.verdict, splits.first_answers(port, requests[at : at + BATCH]))
    return found


async def test_a_gateway_refuses_what_h11_refuses(folder):
    _, hostile = vectors.read()
    rng = random.Random(SEED)
    # Lines that are no first line, of heads that are not too large for a change to matter.
    short = [vector.data for vector in hostile if len(vector.data) < 500]
    lines = sorted({line for data in short for line in data.split(b"\r\n")[1:] if line})
    async with Fleet(folder) as fleet:
        port = (await fleet.gateway()).port
        good = await asyncio.to_thread(verdicts, port, list(GOOD))
        assert [status for status, _ in good] == list(GOOD.values())
        assert not any(map(h11_refuses, GOOD))

        heads = [mutated(rng, lines) for _ in range(MUTATIONS)]
        seen = await asyncio.to_thread(verdicts, port, heads)
        # With no verdict yet, the gateway waits for more. The end of a head must bring the refusal.
        unsure = [at for at, (status, _) in enumerate(seen) if not status and h11_refuses(heads[at])]
        finished = await asyncio.to_thread(verdicts, port, [heads[at] + b"\r\n\r\n" for at in unsure])
        for at, verdict in zip(unsure, finished):
            seen[at] = verdict

        counts, laxer = collections.Counter(), []
        for data, (status, code) in zip(heads, seen):
            theirs, ours = h11_refuses(data), code in REFUSED
            allowed = theirs and not ours and any(rule(data) for rule in ALLOWED)
            counts[theirs, ours, allowed] += 1
            if theirs and not ours and not allowed:
                laxer.append(f"{data!r}: {status} {code}")
        print("(h11 refuses, Berth refuses, an allowed difference):", dict(counts))
        assert not laxer, f"{len(laxer)} of {len(heads)} (seed {SEED}):\n" + "\n".join(laxer[:20])
        # The heads are neither all good nor all bad.
        assert counts[True, True, False] > MUTATIONS / 10 and counts[False, False, False] > MUTATIONS / 20
