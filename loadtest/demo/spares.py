"""What spares are worth, from the worker's log: how long a slot is empty between two clients, with a spare and without."""

import statistics
from dataclasses import dataclass


@dataclass
class HandOff:
    """From the end of a session to the next session of its slot, in seconds."""

    slot: int
    lease: str
    seconds: float
    # Until the slot was fit for a client, whether one was there or not.
    fit_seconds: float
    # A spare was up when the session ended.
    with_spare: bool


def hand_offs(lines) -> list[HandOff]:
    """Of dedicated slots: a browser serves one session and goes."""
    found, ups, ends = [], 0, 0
    fit: set[int] = set()
    emptied: dict[int, HandOff] = {}
    for line in lines:
        slot = line.get("slot")
        if line.event == "sidecar" and line.get("state") == "ready":
            ups += 1
        elif line.get("waiter"):
            continue  # the gateway's line of the same event
        elif line.event == "end":
            ends += 1
            fit.discard(slot)
            emptied[slot] = HandOff(slot, "", -line.at, 0, ups - ends > len(fit))
            if emptied[slot].with_spare:
                fit.add(slot)
        elif line.event == "slot" and line.get("state") == "free":
            fit.add(slot)
            if slot in emptied:
                emptied[slot].fit_seconds = emptied[slot].seconds + line.at
        elif line.event == "session" and slot in emptied:
            one = emptied.pop(slot)
            one.lease, one.seconds = line.get("lease"), one.seconds + line.at
            found.append(one)
    return found


def start_seconds(lines) -> float | None:
    """The median of what browsers took to start."""
    began, took = {}, []
    for line in lines:
        if line.event == "sidecar" and line.get("state") == "starting":
            began[line.get("pid")] = line.at
        elif line.event == "sidecar" and line.get("state") == "ready" and line.get("pid") in began:
            took.append(line.at - began.pop(line.get("pid")))
    return statistics.median(took) if took else None


def words(seconds: float) -> str:
    return f"{seconds * 1_000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def summary(lines) -> str:
    told = []
    for what, with_spare in (("with a spare that is up", True), ("with a browser that still starts", False)):
        took = [one.seconds for one in hand_offs(lines) if one.with_spare == with_spare]
        if took:
            told.append(f"{len(took)} {what}, {words(statistics.median(took))} (median)")
    start = start_seconds(lines)
    if start is not None:
        told.append(f"with `warm: 0` each would take a whole start, {words(start)} here")
    return "A slot's hand-offs to its next client: " + "; ".join(told) + "."
