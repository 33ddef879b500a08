"""The pictures of the queue's benchmark."""

import statistics

from curves import svg

DRAWN = ("enqueue", "release", "ready", "collect", "accept")


def pictures(found) -> dict[str, str]:
    """file name → picture."""
    out = {}
    if "shapes" in found:
        waiters = {int(value): one for value, one in found["shapes"]["found"]["waiters"].items()}

        def of(what):
            return {name: {size: one["scripts"][name][what] for size, one in waiters.items()} for name in DRAWN}

        out["scripts.svg"] = svg(
            of("median"), dashed=of("p99"), title="A script's time: median, and 99 of 100 (dotted)",
            x="waiters, all but one tenant at its cap", y="µs of Redis")
    if "peers" in found:
        out["peers.svg"] = svg(
            {
                name: {int(size): statistics.median(took) for size, took in by_size.items()}
                for name, by_size in found["peers"]["found"].items()
            },
            title="What a grant costs Redis", x="waiters, all but one tenant at its cap", y="µs of Redis")
    return out
