"""One time axis for everything on this machine: the monotonic clock, in seconds.

Processes log wall time in milliseconds, Redis' MONITOR in microseconds. Both are moved onto the monotonic axis by
one offset taken at import, so that a step of the wall clock shows as a failed check instead of a wrong order.
"""

import time
from datetime import datetime

WALL_OFFSET = time.time() - time.monotonic()


def now() -> float:
    return time.monotonic()


def from_wall(seconds: float) -> float:
    return seconds - WALL_OFFSET


def from_rfc3339(text: str) -> float:
    return from_wall(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())
