"""Medians with their spread, as tables on standard output."""

import os
import platform
import statistics

import browsers
import connects
import handoff
from flood import p99
from peers import PEERS
from relay import WORKLOADS

TITLES = {
    "haproxy": "HAProxy",
    "haproxy-64k": "HAProxy, 64 KiB buffers",
    "haproxy-64k-twice": "two HAProxies, 64 KiB buffers",
    **{peer.name: peer.title for peer in PEERS.values()},
    "relay": "bare relay",
    "gateway": "gateway",
    "gateway-worker": "gateway and worker",
}
REFERENCES = {"haproxy": "to HAProxy", "haproxy-64k": "to 64 KiB buffers", "haproxy-64k-twice": "to two HAProxies"}

BEGIN = "<!-- measured -->"
END = "<!-- /measured -->"


def machine() -> dict:
    with open("/etc/os-release", encoding="utf-8") as file:
        names = dict(line.rstrip().split("=", 1) for line in file if "=" in line)
    return {"cores": os.cpu_count(), "system": names.get("PRETTY_NAME", "").strip('"'), "arch": platform.machine()}


def spread(values) -> str:
    values = sorted(values)
    return f"{statistics.median(values):.2f} ({values[0]:.2f}–{values[-1]:.2f})"


def cpu(run) -> float:
    """CPU seconds for one operation."""
    return run["cpu_seconds"] / max(run["operations"], 1)


def table(rows) -> str:
    """Markdown: the same text goes to the terminal and into the docs."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    rows.insert(1, ["-" * width for width in widths])
    lines = ("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows)
    return "\n".join(lines) + "\n"


def rate(runs, unit) -> str:
    value = statistics.median(run["operations"] / run["seconds"] for run in runs)
    return f"{value / 1e9:.2f} GB/s" if unit == "byte" else f"{value / 1e3:.1f} k/s"


def cost(runs, unit) -> str:
    value = statistics.median(map(cpu, runs))
    return f"{value * 1e9:.3f} s/GB" if unit == "byte" else f"{value * 1e6:.2f} µs"


def latency(runs) -> str:
    """Milliseconds there and back, p50 / p99."""
    return " / ".join(f"{statistics.median(run[key] for run in runs):.3g}" for key in ("p50_ms", "p99_ms"))


def relay(found) -> str:
    """A ratio above 1: HAProxy takes that many times the CPU for the same, in the same round."""
    head = (
        f"Relay, {found['rounds']} rounds: CPU of the proxy for one operation, and HAProxy's divided by it; median\n"
        "(least–most). Milliseconds there and back: median, and 99 of 100 within.\n\n"
    )
    out = []
    for workload, variants in found["runs"].items():
        unit = WORKLOADS[workload][1]
        rows = [("through", "throughput", "ms", "CPU", *REFERENCES.values())]
        for name, runs in variants.items():
            ratios = [
                spread(cpu(a) / cpu(b) for a, b in zip(variants[reference], runs))
                if reference in variants and reference != name else "–"
                for reference in REFERENCES
            ]
            times = latency(runs) if unit == "message" else "–"
            rows.append((TITLES[name], rate(runs, unit), times, cost(runs, unit), *ratios))
        out.append(f"**{workload}**\n\n{table(rows)}")
    return head + "\n".join(out)


def parking(found) -> str:
    top = (
        f"Memory of one waiting connection, {found['waiters']} of them, {found['rounds']} rounds: bytes of PSS, median\n"
        "(least–most).\n\n"
    )
    rows = [("waiting at", "PSS", "head sent", "PSS without head")]
    for name, runs in found["runs"].items():
        head = runs[0]["head_bytes"]
        pss = [run["pss"] for run in runs]
        title, _, how = name.partition(",")
        whole = f"{statistics.median(pss):.0f} ({min(pss):.0f}–{max(pss):.0f})"
        rows.append((f"{TITLES[title]}{',' if how else ''}{how}", whole, head, f"{statistics.median(pss) - head:.0f}"))
    return top + table(rows)


def dispatch(found) -> str:
    top = (
        "Redis' own time for a `ready` that dispatches, all but one tenant at its cap, alternating,\n"
        f"{found['rounds']} of each: median, and the ratio of the medians, which may be 2 at most.\n\n"
    )
    rows = [("waiters", "µs", "99 of 100 within", "ratio")]
    first = None
    for waiters, took in found["runs"].items():
        took = sorted(took)
        median = statistics.median(took)
        first = first or median
        rows.append((waiters, f"{median:.0f}", took[len(took) * 99 // 100], f"{median / first:.2f}"))
    return top + table(rows)


def flood(found) -> str:
    top = (
        f"Milliseconds from connect to 101 for one tenant, while another's clients connect and reset for {found['seconds']} s,\n"
        f"{found['open']} of them open at most; and the gateway's memory.\n\n"
    )
    rows = [("clients", "median", "99 of 100 within", "gateway's RSS, MB")]
    for name, key, rss in [("alone", "alone", "rss_before"), ("beside the flood", "beside", "rss_during")]:
        took = found[key]
        rows.append((name, f"{statistics.median(took):.1f}", f"{p99(took):.1f}", f"{found[rss] / 1e6:.1f}"))
    rows.append(("after it", "–", "–", f"{found['rss_after'] / 1e6:.1f}"))
    rate = found["made"] / found["seconds"]
    return top + table(rows) + f"\n{rate:.0f} connections a second; Redis at rest {found['calm_seconds']:.1f} s after the last.\n"


def handed(found) -> str:
    top = (
        f"Milliseconds from a client's Close to the next client's 101, {handoff.SEATS} seats, sessions of {handoff.HELD_MS} ms;\n"
        f"{found['rounds']} rounds, medians.\n\n"
    )
    rows = [("waiting", "through", "median", "99 of 100 within", "to HAProxy", "seats' time used", "overtaken")]
    for waiting in map(str, handoff.WAITING):
        theirs = handoff.shape(found, "haproxy", waiting)
        for name in ("haproxy", "berth"):
            ours = handoff.shape(found, name, waiting)
            ratio = f"{ours['p50'] / theirs['p50']:.2f} / {ours['p99'] / theirs['p99']:.2f}" if name == "berth" else "–"
            title = "gateway and worker" if name == "berth" else TITLES[name]
            used = f"{ours['used']:.0%}"
            rows.append((waiting, title, f"{ours['p50']:.3f}", f"{ours['p99']:.3f}", ratio, used, ours["overtaken"]))
    return top + table(rows)


def connected(found) -> str:
    top = (
        f"From connect to 101 with a slot free, {found['connects']} clients in each of {found['rounds']} rounds; medians. CPU of\n"
        "each process for one client, its Close included.\n\n"
    )
    rows = [("at a time", "through", "ms", "99 of 100 within", "to HAProxy", "CPU, µs", "CPU to HAProxy")]
    for count in connects.AT_ONCE:
        theirs, ours = connects.shape(found, "haproxy", count), connects.shape(found, "berth", count)
        rows.append((count, TITLES["haproxy"], f"{theirs['p50']:.3f}", f"{theirs['p99']:.3f}", "–", f"{theirs['cpu'][0]:.0f}", "–"))
        gateway, worker = ours["cpu"]
        ratio = f"{ours['p50'] / theirs['p50']:.2f} / {ours['p99'] / theirs['p99']:.2f}"
        cpu = f"{gateway / theirs['cpu'][0]:.2f}; {(gateway + worker) / theirs['cpu'][0]:.2f}"
        rows.append((count, TITLES["gateway-worker"], f"{ours['p50']:.3f}", f"{ours['p99']:.3f}", ratio, f"{gateway:.0f}; {worker:.0f}", cpu))
    return top + table(rows)


def chromium(found) -> str:
    before, after = found["load"]
    top = (
        "Real Chromium, one slot: milliseconds from a client's Close to the next client's 101. The load average was\n"
        f"{before:.1f} before and {after:.1f} after; above {browsers.QUIET_LOAD_MAX} before, measure again.\n\n"
    )
    titles = {"shared": "a seat of a shared browser", "spare": "a spare is up", "cold": "without a spare"}
    rows = [("the next client gets", "hand-offs", "median", "99 of 100 within", "aim for the median")]
    for name, _, _, most in browsers.WAYS:
        took = found["runs"][name]
        figures = [f"{handoff.p(took, at):.1f}" for at in (50, 99)]
        rows.append((titles[name], len(took), *figures, most or "–"))
    return top + table(rows)


def part(name, found) -> str:
    """The part's tables and when they were taken."""
    return f"{PARTS[name](found)}\nTaken {found['date']} with `{found['command']}`.\n"


PARTS = {"relay": relay, "handoff": handed, "connects": connected, "browsers": chromium, "parking": parking, "flood": flood, "dispatch": dispatch}


def record(text, out, path):
    """Puts the tables between the marks of a document."""
    machine = out["machine"]
    with open(path, encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN)
    after = rest.split(END)[1]
    words = f"{machine['cores']} cores, {machine['system']}, {machine['arch']}.\n\n"
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + "\n" + words + text + END + after)
