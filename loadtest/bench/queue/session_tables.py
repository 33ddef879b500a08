"""What a session costs, as Markdown."""

import statistics

from report import spread, table

# Figure → its title, and by what it is divided.
FIGURES = {
    "instructions": ("1,000 instructions", 1_000),
    "commands": ("commands", 1),
    "script_us": ("µs of scripts", 1),
    "core_us": ("µs of Redis' core", 1),
    "lines": ("lines", 1),
}


def values(runs, part, row, figure) -> dict[int, float]:
    """Number of the run → what it found, of those runs that looked for it."""
    found = {number: run.get(part, {}).get(row, {}).get(figure) for number, run in enumerate(runs)}
    return {number: value for number, value in found.items() if value is not None}


def amount(found, figure) -> str:
    digits = 1 if figure == "commands" else 0
    return f"{statistics.median(found.values()) / FIGURES[figure][1]:,.{digits}f}"


def alone(found, figure) -> str:
    around = f" ({min(found.values()):.0f}–{max(found.values()):.0f})" if figure == "core_us" and len(found) > 1 else ""
    return amount(found, figure) + around


def cell(found, part, row, figure) -> str:
    own = values(found["runs"], part, row, figure)
    if not own:
        return ""
    theirs = values(found["baseline"]["runs"], part, row, figure) if "baseline" in found else {}
    ratios = [value / theirs[number] for number, value in own.items() if theirs.get(number)]
    if not ratios:
        return alone(own, figure)
    ratio = spread(ratios) if len(ratios) > 1 else f"{ratios[0]:.2f}"
    return f"{amount(own, figure)} / {amount(theirs, figure)} = {ratio}"


def session(found) -> str:
    rows_of: dict[str, dict[str, set]] = {}
    for run in found["runs"]:
        for part, rows in run.items():
            for row, figures in rows.items():
                rows_of.setdefault(part, {}).setdefault(row, set()).update(figures)
    parts = []
    for part, rows in rows_of.items():
        figures = [figure for figure in FIGURES if any(figure in had for had in rows.values())]
        cells = [("", *[FIGURES[figure][0] for figure in figures])]
        cells += [(row, *[cell(found, part, row, figure) for figure in figures]) for row in rows]
        parts.append(f"{part[0].upper()}{part[1:]}:\n\n" + table(cells))
    head = f"Redis' cost of a session, medians (least–most) of {len(found['runs']) - 1} runs; instructions of one.\n"
    if "baseline" in found:
        head += f"Behind each figure: that of {found['baseline']['ref']} in the same round, and the ratio.\n"
    return head + "\n" + "\n".join(parts)
