"""The pictures of docs/benchmarks.md, in plain SVG."""

import statistics

import curves
import disruptions_plot
import handoff
from relay import WORKLOADS
from report import TITLES, cpu

WIDTH, LEFT, RIGHT, TOP = 720, 216, 100, 50
BAR, STEP, GAP = 12, 18, 40
# Those of one process, then those of two.
HOPS = (
    ("haproxy", "haproxy-64k", "nginx", "envoy", "traefik", "caddy", "gateway"),
    ("haproxy-64k-twice", "gateway-worker"),
)
OURS = ("gateway", "gateway-worker")
COLOUR, OTHER = "#1f5fa8", "#b9c2cc"
# workload → its title, the unit, and how many of the unit a CPU second has.
PANELS = {
    "64 connections, 64 B": ("A message of 64 B there and back, 64 connections", "µs", 1e6),
    "64 connections, 64 KiB": ("A message of 64 KiB there and back, 64 connections", "µs", 1e6),
    "bulk to the client": ("Bulk to the client", "s/GB", 1e9),
    "bulk from the client": ("Bulk from the client", "s/GB", 1e9),
}
# One hand-off of so many takes longer than the drawn time.
LONGER = (1, 1.25, 1.5, 2, 3, 5, 10, 20, 50, 100, 200, 500)


def panel(top, workload, variants) -> tuple[list[str], int]:
    """The panel, and where the next one begins."""
    title, unit, scale = PANELS[workload]
    digits = 1 if WORKLOADS[workload][1] == "message" else 2
    costs = {name: sorted(cpu(run) * scale for run in runs) for name, runs in variants.items()}
    most = max(statistics.median(values) for values in costs.values())
    out = [f'<text x="{LEFT}" y="{top}" font-weight="bold">{title}</text>']
    at = top + 12
    for names in HOPS:
        for name in names:
            if name not in costs:
                continue
            median, low, high = statistics.median(costs[name]), costs[name][0], costs[name][-1]
            middle = at + BAR / 2

            def x(value):
                return LEFT + min(value / most, 1.05) * (WIDTH - LEFT - RIGHT)

            weight = ' font-weight="bold"' if name in OURS else ""
            fill = COLOUR if name in OURS else OTHER
            out += [
                f'<text x="{LEFT - 8}" y="{middle + 4:.1f}" text-anchor="end"{weight}>{TITLES[name]}</text>',
                f'<rect x="{LEFT}" y="{at}" width="{x(median) - LEFT:.1f}" height="{BAR}" fill="{fill}"/>',
                f'<path d="M{x(low):.1f} {middle}H{x(high):.1f}" stroke="#222"/>',
                f'<text x="{max(x(median), x(high)) + 8:.1f}" y="{middle + 4:.1f}"{weight}>{median:.{digits}f} {unit}</text>',
            ]
            at += STEP
        at += 6
    return out, at + GAP - 12


def bars(found) -> str:
    """The CPU of the proxies for the same work."""
    out, top = [], TOP
    for workload in PANELS:
        lines, top = panel(top, workload, found["runs"][workload])
        out += lines
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{top}" fill="white"/>',
        f'<text x="16" y="20">CPU of the proxy, less is better. Bar: median; line: least to most of {found["rounds"]} rounds.</text>',
        *out, "</svg>", ""])


def hand_offs(found) -> str:
    """The hand-off's time by how many hand-offs take longer."""
    lines = {}
    for name, title in (("haproxy", "HAProxy"), ("berth", "Berth")):
        for waiting in (handoff.WAITING[0], handoff.WAITING[-1]):
            took = sorted(one for run in found["runs"][name][str(waiting)] for one in run["hand_offs"])
            lines[f"{title}, {waiting:,} wait"] = {
                share: took[min(len(took) - 1, int(len(took) * (1 - 1 / share)))] for share in LONGER}
    return curves.svg(
        lines, title="From a client's Close to the next client's 101", x="one hand-off of so many takes longer", y="ms")


PICTURES = {"relay": bars, "handoff": hand_offs, "disruptions": disruptions_plot.svg}
