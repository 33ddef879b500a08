"""Medians with their spread, as tables on standard output."""

import os
import platform
import statistics

from relay import WORKLOADS

REFERENCES = ("haproxy", "haproxy-64k", "haproxy-64k-twice")


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


def table(rows):
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    for number, row in enumerate(rows):
        print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


def relay(found):
    print(f"\nRelay, {found['connections']} connections; CPU of the proxy for one operation, ratio = HAProxy's / its")
    rows = [("workload", "through", "throughput", "CPU", *(f"ratio to {name}" for name in REFERENCES))]
    for workload, variants in found["runs"].items():
        unit = WORKLOADS[workload][1]
        for name, runs in variants.items():
            rate = [run["operations"] / run["seconds"] for run in runs]
            if unit == "byte":
                shown = (f"{statistics.median(rate) / 1e9:.2f} GB/s", f"{statistics.median(map(cpu, runs)) * 1e9:.3f} s/GB")
            else:
                shown = (f"{statistics.median(rate) / 1e3:.1f} k/s", f"{statistics.median(map(cpu, runs)) * 1e6:.2f} µs")
            ratios = [
                spread(cpu(a) / cpu(b) for a, b in zip(variants[reference], runs)) if reference in variants else "–"
                for reference in REFERENCES
            ]
            rows.append((workload, name, *shown, *ratios))
    table(rows)


def parking(found):
    print(f"\nMemory of one waiting connection, {found['waiters']} of them; bytes of PSS, and without the head it sent")
    rows = [("through", "PSS", "head", "without head")]
    for name, runs in found["runs"].items():
        head = runs[0]["head_bytes"]
        pss = [run["pss"] for run in runs]
        low, high = min(pss), max(pss)
        rows.append((name, f"{statistics.median(pss):.0f} ({low:.0f}–{high:.0f})", head, f"{statistics.median(pss) - head:.0f}"))
    table(rows)
