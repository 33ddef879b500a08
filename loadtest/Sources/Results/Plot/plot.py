"""Draws the results of `loadtest run`: `loadtest plot` passes this file to Python, with the results' files.

    python3 plot.py FOLDER RESULT...

Several results are drawn side by side in one picture each: the waits' distribution and percentiles. Queue, shares and
memory are one picture a result.
"""

import json
import os
import sys

try:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker
except ImportError:
    sys.exit("loadtest plot: this Python has no matplotlib: python3 -m pip install matplotlib, or use --python")

COLOURS = ("#1b6e3c", "#b3541e", "#1f5fa8", "#7a3fa0", "#8a8a00", "#444444")
PERCENTILES = ("p50", "p90", "p95", "p99", "p999", "max")
NAMES = {"p999": "p99.9", "max": "longest"}
# More groups than this are drawn as one.
GROUPS_MAX = len(COLOURS)
# The numbers above the bars of more results would overlap.
LABELLED_MAX = 2

pyplot.rcParams.update({
    "figure.figsize": (8, 4.5), "figure.dpi": 110, "figure.constrained_layout.use": True, "font.size": 10,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#e5e5e5",
    "axes.axisbelow": True, "legend.frameon": False,
})


def label(path, results) -> str:
    """The scenario's name; with several results of one scenario also the file's."""
    name = results[path]["scenario"]["name"]
    same = [other for other in results.values() if other["scenario"]["name"] == name]
    return name if len(same) == 1 else f"{name} ({os.path.basename(path)})"


def shown(value) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def title(axes, words, *results):
    void = " — VOID" if any(result["checks"]["void"] for result in results) else ""
    axes.set_title(f"{words}{void}", loc="left", fontsize=11, fontweight="bold")


def save(figure, folder, name) -> str:
    path = os.path.join(folder, name)
    figure.savefig(path)
    pyplot.close(figure)
    return path


def milliseconds(axis):
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: shown(value)))


def distribution(results, folder) -> str:
    figure, axes = pyplot.subplots()
    for colour, (path, result) in zip(COLOURS, results.items()):
        # A logarithmic axis has no 0, and no wait takes no time.
        points = [(max(point["ms"], 0.001), point["share"]) for point in result["waitCurve"]]
        axes.step(*zip(*points), where="post", color=colour, label=label(path, results))
    axes.set_xscale("log")
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(ticker.PercentFormatter(1))
    milliseconds(axes.xaxis)
    axes.set(xlabel="milliseconds from a client's arrival to its slot", ylabel="clients served by then")
    title(axes, "How long clients wait", *results.values())
    axes.legend(loc="lower right")
    return save(figure, folder, "wait-distribution.png")


def percentiles(results, folder) -> str:
    figure, axes = pyplot.subplots()
    width = 0.8 / len(results)
    for number, (colour, (path, result)) in enumerate(zip(COLOURS, results.items())):
        values = [result["wait"][name] for name in PERCENTILES]
        places = [at + (number - (len(results) - 1) / 2) * width for at in range(len(values))]
        bars = axes.bar(places, values, width * 0.92, color=colour, label=label(path, results))
        if len(results) <= LABELLED_MAX:
            axes.bar_label(bars, [shown(value) for value in values], fontsize=8, padding=2)
    axes.set_yscale("log")
    milliseconds(axes.yaxis)
    axes.set_xticks(range(len(PERCENTILES)), [NAMES.get(name, name) for name in PERCENTILES])
    axes.grid(axis="x", visible=False)
    axes.set(ylabel="milliseconds")
    title(axes, "Waits by percentile", *results.values())
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(results))
    return save(figure, folder, "wait-percentiles.png")


def seconds(timeline, count) -> list[float]:
    return [(at + 1) * timeline["stepMilliseconds"] / 1000 for at in range(count)]


def queue(result, name, folder) -> str:
    timeline, slots = result["timeline"], result["scenario"]["slots"]
    figure, (top, bottom) = pyplot.subplots(2, sharex=True, height_ratios=(3, 2))
    at = seconds(timeline, len(timeline["waiting"]))
    top.fill_between(at, timeline["waiting"], step="pre", color=COLOURS[2], alpha=0.25)
    top.step(at, timeline["waiting"], where="pre", color=COLOURS[2])
    top.set(ylabel="clients waiting", ylim=(0, None))
    title(top, f"{name}: the queue, and the slots in use", result)
    bottom.fill_between(at, timeline["inUse"], step="pre", color=COLOURS[0], alpha=0.25)
    bottom.step(at, timeline["inUse"], where="pre", color=COLOURS[0])
    bottom.axhline(slots, color="#444444", linewidth=1, linestyle="--")
    bottom.annotate(f"{slots} slots", (0, slots), xytext=(2, 3), textcoords="offset points", fontsize=8)
    bottom.set(xlabel="seconds", ylabel="slots in use", ylim=(0, slots * 1.2))
    return save(figure, folder, f"{name}-queue.png")


def shares(result, name, folder) -> str:
    timeline = result["timeline"]
    groups = sorted(timeline["groups"], key=lambda group: -sum(group["inUse"]))
    drawn, rest = groups[:GROUPS_MAX], groups[GROUPS_MAX:]
    names = [group["name"] for group in drawn]
    columns = [group["inUse"] for group in drawn]
    if rest:
        names[-1] = f"{len(rest) + 1} others"
        columns[-1] = [sum(values) for values in zip(columns[-1], *(group["inUse"] for group in rest))]
    # Steps of 0.1 s jump with each session, so each value is the mean of one second.
    width = max(1, 1000 // timeline["stepMilliseconds"])

    def smooth(values):
        return [sum(values[max(0, i - width + 1):i + 1]) / len(values[max(0, i - width + 1):i + 1])
                for i in range(len(values))]

    figure, (top, bottom) = pyplot.subplots(2, sharex=True, height_ratios=(3, 2))
    at = seconds(timeline, len(timeline["waiting"]))
    top.stackplot(at, *map(smooth, columns), labels=names, colors=COLOURS, alpha=0.8)
    top.axhline(result["scenario"]["slots"], color="#444444", linewidth=1, linestyle="--")
    top.set(ylabel="slots in use, mean of 1 s")
    top.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8)
    title(top, f"{name}: who holds the slots", result)
    fairness = [float("nan") if value is None else value for value in timeline["fairness"]]
    bottom.plot(at, fairness, color=COLOURS[3], drawstyle="steps-pre")
    bottom.set(xlabel="seconds", ylabel="Jain's index", ylim=(0, 1.05))
    whole = result.get("fairness")
    if whole is None:
        bottom.annotate("no tenant had to wait", (0.5, 0.5), xycoords="axes fraction", ha="center")
    else:
        bottom.annotate(
            f"whole run {whole:.2f}", (0.01, 0.06), xycoords="axes fraction", fontsize=8)
    return save(figure, folder, f"{name}-shares.png")


def memory(result, name, folder) -> str | None:
    rows = result["timeline"]["memory"]
    if not rows:
        return None
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.5), sharey=True)
    for colour, key in zip(COLOURS, ("gateways", "workers", "redis")):
        sizes = [row[key] / 2**20 for row in rows]
        left.plot([row["at"] / 1000 for row in rows], sizes, color=colour, label=key)
        right.scatter([row["connections"] for row in rows], sizes, color=colour, s=8, alpha=0.6, label=key)
    largest = max(row[key] for row in rows for key in ("gateways", "workers", "redis")) / 2**20
    left.set(xlabel="seconds", ylabel="resident MiB", ylim=(0, largest * 1.1))
    right.set(xlabel="connections of clients")
    title(left, f"{name}: memory over time", result)
    title(right, "and over connections", result)
    left.legend(loc="best")
    return save(figure, folder, f"{name}-memory.png")


def main():
    folder, paths = sys.argv[1], sys.argv[2:]
    os.makedirs(folder, exist_ok=True)
    results = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            results[path] = json.load(file)
    served = {path: result for path, result in results.items() if result["waitCurve"]}
    written = [distribution(served, folder), percentiles(served, folder)] if served else []
    for path, result in results.items():
        name = os.path.splitext(os.path.basename(path))[0]
        written += [queue(result, name, folder), shares(result, name, folder), memory(result, name, folder)]
    print("\n".join(path for path in written if path))


main()
