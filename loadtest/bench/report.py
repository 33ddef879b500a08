"""Medians with their spread, as tables on standard output."""

import os
import platform
import statistics

import browsers
import connects
import disruptions
import handoff
import longline
import reconnects
import restart
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


def relayed(found) -> str:
    top = (
        f"Memory of one relayed connection, {found['connections']} of them, {found['rounds']} rounds: bytes of PSS, median\n"
        "(least–most).\n\n"
    )
    rows = [("relayed by", "PSS")]
    for name, title in (("haproxy", TITLES["haproxy"]), ("gateway", "gateway"), ("worker", "worker")):
        each = found["runs"][name]
        rows.append((title, f"{statistics.median(each):.0f} ({min(each):.0f}–{max(each):.0f})"))
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
    rows = [("waiting", "through", "median", "99 of 100 within", "to HAProxy", "seats' time used")]
    for waiting in map(str, handoff.WAITING):
        theirs = handoff.shape(found, "haproxy", waiting)
        for name in ("haproxy", "berth"):
            ours = handoff.shape(found, name, waiting)
            ratio = f"{ours['p50'] / theirs['p50']:.2f} / {ours['p99'] / theirs['p99']:.2f}" if name == "berth" else "–"
            title = "gateway and worker" if name == "berth" else TITLES[name]
            used = f"{ours['used']:.0%}"
            rows.append((waiting, title, f"{ours['p50']:.3f}", f"{ours['p99']:.3f}", ratio, used))
    return top + table(rows)


def instructed(found) -> str:
    top = f"Instructions of a process for one connect, its Close included and the kernel's left out, of {found['count']}.\n\n"
    return top + table([("process", "instructions"), *((name, f"{each:,.0f}") for name, each in found["each"].items())])


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


def reconnected(found) -> str:
    top = (
        f"Milliseconds that one client waits beside {reconnects.CROWD} of another tenant, {handoff.SEATS} seats, sessions of\n"
        f"{reconnects.HELD_MS} ms, {found['seconds']} s each. Through Berth a tenant has at most {reconnects.CAP} seats; HAProxy has no\n"
        "such limit.\n\n"
    )
    rows = [("the crowd's clients", "through", "median", "99 of 100 within", "to HAProxy", "crowd served, 1/s", "gave up, 1/s")]
    for how, runs in found["runs"].items():
        theirs = runs["haproxy"]
        for name, title in (("haproxy", TITLES["haproxy"]), ("berth", TITLES["gateway-worker"])):
            ours = runs[name]
            ratio = f"{ours['p50'] / theirs['p50']:.3f} / {ours['p99'] / theirs['p99']:.3f}" if name == "berth" else "–"
            figures = (f"{ours['p50']:.1f}", f"{ours['p99']:.1f}", ratio, f"{ours['crowd_served']:.0f}", f"{ours['gave_up']:.0f}")
            rows.append((how, title, *figures))
    return top + table(rows)


def restarted(found) -> str:
    top = (
        f"Milliseconds from kill -9 with all {found['slots']} slots in session, restarted at once, {found['rounds']} rounds: medians,\n"
        "and the longest in brackets.\n\n"
    )
    rows = [("killed", "listens", "first client served", "all slots usable", "to HAProxy")]
    whole = {name: statistics.median(restart.usable(found, name)) for name in ("haproxy", "berth")}
    for name, title in (("haproxy", TITLES["haproxy"]), ("berth", "gateway")):
        columns = zip(*found["runs"][name])
        figures = [f"{statistics.median(column):.0f} ({max(column):.0f})" for column in columns]
        if name == "haproxy":
            # Its socket stays open.
            figures[0] = "–"
        rows.append((title, *figures, f"{whole['berth'] / whole['haproxy']:.2f}" if name == "berth" else "–"))
    return top + table(rows)


def disrupted(found) -> str:
    top = (
        f"Sessions served a second, {disruptions.GATEWAYS} gateways, {disruptions.WORKERS} workers with {disruptions.SEATS} slots each,\n"
        f"{disruptions.CLIENTS} clients, sessions of {disruptions.HELD_MS} ms. Parts are of the rate before, slots that are gone not\n"
        "counted. HAProxy was not measured: it has no queue that several processes share.\n\n"
    )
    rows = [("disruption", "before, 1/s", "lowest second", "while slots may be out", "after", "clients lost", "refused")]
    for name, one in found["runs"].items():
        disruption, shape = disruptions.DISRUPTIONS[name], disruptions.shape(name, one)
        within = f"{shape['within']:.0%} for {disruption.bound} s" if disruption.bound else "–"
        lost = one["lost"] + one["broken"] + one["unreachable"]
        after = f"{shape['after']:.0%}"
        rows.append((
            disruption.title, f"{shape['before']:.0f}", f"{shape['lowest']:.0%}", within, after, lost,
            sum(one["refused"].values())))
    flood = found["runs"]["flood"]["flood"]
    statuses = " and ".join(f"{count} with {status}" for status, count in sorted(flood["refused"].items()))
    return top + table(rows) + (
        f"\nOf the {flood['arrived']} clients of the flood {statuses} were refused, and {flood['gaveUp']} waited and gave up.\n")


def lined(found) -> str:
    top = (
        f"{found['waiting']} clients of {longline.GENERATORS} generators wait at {found['gateways']} gateways, and are served by\n"
        f"{longline.SLOTS} slots in sessions without a message.\n\n"
    )
    idle = ", ".join(f"{share:.2%}" for share in found["idle"])
    rows = [
        ("figure", ""),
        ("all wait after", f"{found['came_seconds']:.1f} s"),
        ("a gateway's CPU while all wait, parts of a core", idle),
        ("the line is empty after", f"{found['drain_seconds']:.1f} s"),
        ("clients served a second", f"{found['waiting'] / found['drain_seconds']:.0f}"),
        ("served; refused; lost", f"{found['served']}; {found['refused']}; {found['lost']}"),
        ("looks at Redis' line; out of order", f"{found['looks']}; {found['passed']}"),
        ("101 after that of a client sent 50 ms later", found["overtaken"]),
    ]
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


PARTS = {
    "relay": relay, "handoff": handed, "connects": connected, "instructions": instructed, "browsers": chromium,
    "parking": parking, "relayed": relayed, "flood": flood, "reconnects": reconnected, "restart": restarted,
    "disruptions": disrupted, "longline": lined, "dispatch": dispatch,
}


def record(text, out, path):
    """Puts the tables between the marks of a document."""
    machine = out["machine"]
    with open(path, encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN)
    after = rest.split(END)[1]
    words = f"{machine['cores']} cores, {machine['system']}, {machine['arch']}.\n\n"
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + "\n" + words + text + END + after)
