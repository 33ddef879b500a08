"""What was measured, as Markdown and in words."""

import statistics

from report import table
from servers import SLOW_US
from session_tables import session
from shapes import AWAY_SECONDS, BASE, CONTROL, SHAPES, STOLEN_MAX

BEGIN, END = "<!-- queue -->", "<!-- /queue -->"
RATIO_MAX, P99_US_MAX, BYTES_MAX = 2.0, 1_000, 700
KINDS = {
    "waiters": "All wait behind their tenants' caps, {tenants} tenants in {selectors} selectors, 50,000 at a gateway; one "
    "more is served.",
    "tenants": "{waiters:,} wait in {selectors} selectors, and all may be served.",
    "selectors": "{waiters:,} wait, of {tenants} tenants, and all may be served.",
}


def shape(what, by_value) -> str:
    values = list(by_value)
    rows = [("", *[f"{int(value):,} {what}" for value in values], "last to first")]
    for script in by_value[values[0]]["scripts"]:
        each = [one["scripts"][script] for one in by_value.values()]
        cells = [f"{took['median']:.0f} / {took['p99']:.0f}" for took in each]
        rows.append((script, *cells, f"{each[-1]['median'] / each[0]['median']:.2f}"))
    rows.append(("rounds that count", *[f"{one['counted']:,} of {one['rounds']:,}" for one in by_value.values()], ""))
    rows.append(("taken by the host there", *[f"{one['stolen']:.1%}" for one in by_value.values()], ""))
    return KINDS[what].format(**BASE) + "\n\n" + table(rows)


def memory(by_value) -> str:
    found = {value: one["memory"] for value, one in by_value.items() if "memory" in one}
    names = list(next(iter(found.values()))["parts"])
    rows = [("waiters", "bytes each", *names)]
    for value, one in found.items():
        rows.append((f"{int(value):,}", f"{one['whole']:.0f}", *[f"{one['parts'][name]:.0f}" for name in names]))
    return "Memory of a waiter in Redis, its share of the indexes included.\n\n" + table(rows)


class Log:
    """The slow log of all shapes, and what the machine alone would have put there."""

    def __init__(self, found):
        each = [one for what in SHAPES for one in found.get(what, {}).values()]
        self.logged = sorted(took for one in each for times in one["slow"].values() for took in times)
        self.away = sorted(gap for one in each for gap in one["away"])
        self.long = [gap for gap in self.away if gap * 1_000 > SLOW_US]
        self.seconds, self.busy = AWAY_SECONDS * len(each), sum(one["busy"] for one in each)

    @property
    def expected(self) -> float:
        return len(self.long) / self.seconds * self.busy

    def __str__(self):
        most = f", {max(self.away):.0f} ms at most" if self.away else ""
        longest = f", {self.logged[-1] / 1_000:.0f} ms at most" if self.logged else ""
        return (
            f"A program that only reads the clock, alone on Redis' core: in {self.seconds} s it was kept from it for over\n"
            f"1 ms {len(self.away)} times and for over {SLOW_US // 1_000} ms {len(self.long)} times{most}. At that rate "
            f"{self.expected:.0f} calls would be in\nthe slow log ({SLOW_US // 1_000} ms) of the {self.busy:.0f} s that "
            f"scripts ran; {len(self.logged)} are{longest}.\n"
        )


def shapes(found) -> str:
    head = "Redis' own microseconds for a call, median / 99 of 100 within.\n\n"
    parts = [shape(what, found[what]) for what in SHAPES if what in found]
    return head + "\n".join([*parts, str(Log(found)), memory(found["waiters"])])


def peers(found) -> str:
    sizes = list(found["berth"])
    rows = [("", *[f"{int(size):,} waiters" for size in sizes])]
    own = {size: statistics.median(found["berth"][size]) for size in sizes}
    for name, by_size in found.items():
        cells = []
        for size in sizes:
            took = statistics.median(by_size[size])
            ratio = "" if name == "berth" else f" ({took / own[size]:.1f}×)"
            cells.append(f"{took:,.0f}{ratio}")
        rows.append((name, *cells))
    return "Redis' microseconds for a grant, all but one tenant at its cap; in brackets: to Berth's.\n\n" + table(rows)


PARTS = {"session": session, "shapes": shapes, "peers": peers}


def part(name, taken) -> str:
    """The part's tables and when they were taken."""
    return (
        f"{PARTS[name](taken['found'])}\nTaken {taken['date']} with `make bench-queue`; processes that wanted a core "
        f"in the minute before: {taken['load']:.1f}.\n"
    )


def verdict(found) -> tuple[list[str], list[str]]:
    """The aims of the shapes that were not met, each script where it misses most; and those that nobody can judge, for
    the host took too much of the core."""
    slowest: dict[bool, dict[str, tuple[float, str, float]]] = {True: {}, False: {}}
    out: list[str] = []
    unjudged: list[str] = []
    for what in SHAPES:
        for value, one in found.get(what, {}).items():
            where = f"at {int(value):,} {what}"
            judged = slowest[one["stolen"] <= STOLEN_MAX]
            for name, took in one["scripts"].items():
                judged[name] = max(judged.get(name, (0, "", 0)), (took["p99"], where, one["stolen"]))
            if "memory" in one and one["memory"]["whole"] > BYTES_MAX:
                out.append(f"a waiter takes {one['memory']['whole']:.0f} bytes {where}, not {BYTES_MAX}")
    by_value = list(found.get("waiters", {}).items())
    for name, took in by_value[-1][1]["scripts"].items() if by_value else ():
        if name == CONTROL:
            continue
        ratio = took["median"] / by_value[0][1]["scripts"][name]["median"]
        if ratio > RATIO_MAX:
            where = f"at {int(by_value[-1][0]):,} waiters"
            out.append(f"{name} {where}: {ratio:.1f} times what it takes at the fewest, not {RATIO_MAX:.0f}")
    for judged, lines in ((True, out), (False, unjudged)):
        for name, (took, where, stolen) in slowest[judged].items():
            if took > P99_US_MAX and name != CONTROL:
                beside = f"the host took {stolen:.1%} of the core there"
                lines.append(f"{name} {where}: 99 of 100 within {took:.0f} µs, not {P99_US_MAX} ({beside})")
    log = Log(found)
    if log.logged:
        line = f"{len(log.logged)} calls are in the slow log of {SLOW_US} µs; the machine alone makes {log.expected:.0f}"
        (out if len(log.logged) > log.expected else unjudged).append(line)
    return out, unjudged


def record(text, path):
    """Puts the tables between the queue's marks of a document."""
    with open(path, encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN)
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + "\n" + text + END + rest.split(END)[1])
