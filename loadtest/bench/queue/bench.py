#!/usr/bin/env python3
"""`make bench-queue`: what a session costs Redis; the time of the queue's scripts by how much waits, memory of a waiter;
and the same grant by other designs of a queue with caps.

Redis has one core, this program the other. Prints tables, writes what was measured to loadtest/results/local;
`--record` writes loadtest/results/queue.json, docs/benchmarks.md and its pictures. Ends within 20 minutes.
"""

import argparse
import datetime
import json
import os
import signal
import sys
import tempfile
import time

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import designs  # noqa: E402
import dispatch  # noqa: E402
import pairs  # noqa: E402
import plot  # noqa: E402
import report  # noqa: E402
import shapes  # noqa: E402
import tables  # noqa: E402
from pairs import ROOT  # noqa: E402
from processes import Bench  # noqa: E402
from servers import Servers  # noqa: E402

SECONDS_MAX = 20 * 60


def before(path) -> dict:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def too_long(*_):
    raise SystemExit(f"bench: not done in {SECONDS_MAX} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, a minute: a check of the benchmark itself")
    parser.add_argument("--rounds", type=int, help="of the scripts, in each shape, by fifties (1000; quick: 50)")
    parser.add_argument("--only", help=f"these parts alone, comma between: {', '.join(tables.PARTS)}")
    parser.add_argument("--bin", default=os.path.join(ROOT, ".build", "release"), help="folder of the binaries")
    parser.add_argument("--baseline", help="a git ref: `session` runs that version too, and prints ratios")
    parser.add_argument("--baseline-bin", help="folder of the binaries of that version")
    parser.add_argument("--record", action="store_true", help="write loadtest/results and docs/internals")
    options = parser.parse_args()
    if bool(options.baseline) != bool(options.baseline_bin):
        parser.error("--baseline and --baseline-bin need each other")
    wanted = options.only.split(",") if options.only else list(tables.PARTS)

    began = time.monotonic()
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS_MAX)
    results = os.path.join(ROOT, "loadtest", "results", *([] if options.record else ["local"]))
    # A part that is not taken now stays as it was recorded.
    out = before(os.path.join(results, "queue.json")) if options.record else {}
    out["machine"] = report.machine()
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    load = os.getloadavg()[0]
    rounds = options.rounds or (50 if options.quick else 1000)
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as folder, Bench(folder, options.bin) as bench:
        sources = dispatch.scripts(bench)
        shas = {verb: dispatch.sha(source) for verb, source in sources.items()}
        servers = Servers(bench, sources, first=True)
        os.sched_setaffinity(0, {bench.load_core})
        take = {
            "session": lambda: pairs.measure(
                options.bin, cores={bench.load_core, bench.proxy_core}, quick=options.quick, folder=folder,
                baseline=options.baseline, baseline_binaries=options.baseline_bin),
            "shapes": lambda: shapes.measure(
                servers, shas, core=bench.proxy_core, quick=options.quick, rounds=rounds),
            "peers": lambda: designs.measure(servers, shas, quick=options.quick),
        }
        for name in tables.PARTS:
            if name in wanted:
                out[name] = {"date": date, "load": load, "found": take[name]()}
                print("\n" + tables.part(name, out[name]))
    missed, unjudged = tables.verdict(out["shapes"]["found"]) if "shapes" in out else ([], [])
    write(out, missed, unjudged, results, record=options.record)
    for line in missed:
        print(f"missed: {line}")
    for line in unjudged:
        print(f"not judged: {line}")
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if missed and not options.quick else 0


def write(out, missed, unjudged, results, *, record):
    docs = os.path.join(ROOT, "docs")
    pictures = os.path.join(docs, "images", "bench-queue") if record else results
    for path in (results, pictures):
        os.makedirs(path, exist_ok=True)
    with open(os.path.join(results, "queue.json"), "w", encoding="utf-8") as file:
        json.dump(out, file)
        file.write("\n")
    for name, picture in plot.pictures(out).items():
        with open(os.path.join(pictures, name), "w", encoding="utf-8") as file:
            file.write(picture)
    if record:
        machine = out["machine"]
        text = f"{machine['cores']} cores, {machine['system']}, {machine['arch']}.\n\n"
        text += "\n".join(tables.part(name, out[name]) for name in tables.PARTS if name in out)
        if missed:
            text += "\nAims that were missed:\n" + "".join(f"- {line}\n" for line in missed)
        if unjudged:
            text += "\nNot judged, for the machine was too loud:\n" + "".join(f"- {line}\n" for line in unjudged)
        tables.record(text, os.path.join(docs, "benchmarks.md"))


if __name__ == "__main__":
    sys.exit(main())
