"""One slot and three clients of a kind: the first has it, the second waits in line for it, the third is refused."""

from .fleet import Fleet
from .process import Process

# A real browser on a busy machine; no measurement.
SECONDS_MAX = 120


async def has_page(client: Process):
    """Awaits that a client has read the title of a page of its own."""
    await client.wait_for(where=lambda line: line.text == "has page", timeout=SECONDS_MAX)


async def turns(fleet: Fleet, start, *, waiting="") -> str:
    """Returns the words of the third client.

    `start(name, query)` starts a client as a process. It prints `has page`, keeps its browser until SIGTERM, closes it
    and exits with 0. If it gets no browser, it prints its error and exits with 1. `waiting` are options of the second
    and the third client.
    """
    first = await start("first", "run=first")
    await has_page(first)
    second = await start("second", f"run=second&wait=5m{waiting}")
    await fleet.queued("second", SECONDS_MAX)
    third = await start("third", f"run=third&wait=0{waiting}")
    assert await third.exit(SECONDS_MAX) == 1, third.tail()
    await fleet.wait_for("refusal", run="third", code="would_wait")
    assert "has page" not in second.output and first.alive
    assert await first.terminate(SECONDS_MAX) == 0, first.tail()
    await has_page(second)
    assert await second.terminate(SECONDS_MAX) == 0, second.tail()
    await fleet.nothing_held(within=10)
    return third.output
