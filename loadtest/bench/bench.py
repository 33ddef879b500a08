#!/usr/bin/env python3
"""`make bench`: Berth's relay next to other proxies', its parked connections and its hand-off next to HAProxy's, taken
alternately in one run; what a dispatch costs by how many wait, what one tenant's clients cost another, what a fleet serves
while a part of it fails, a line of 54,000 clients, and the hand-off of real browsers.

Prints a table, writes all that was measured to loadtest/results/local/bench.json. Ends within 20 minutes.
The proxies share one core, the load and its peer the other; see docs/benchmarks.md.
"""

import argparse
import datetime
import json
import os
import signal
import sys
import tempfile
import time

import browsers
import connects
import dispatch
import disruptions
import flood
import handoff
import instructions
import longline
import parking
import pictures
import reconnects
import relay
import relayed
import report
import restart
from processes import Bench

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

SECONDS_MAX = 1_200
# No round of the relay part begins later.
RELAY_SECONDS_MAX = 400

# The values of `--quick`.
QUICK = {
    "rounds": 1, "window": 500, "parking_rounds": 1, "waiters": 5_000, "handoffs": 1, "connects": 1, "browsers": 0,
    "flood": 2, "dispatches": 50, "relayed": 0, "reconnects": 0, "restarts": 2, "disruptions": 0,
    "long_line": 0, "instructions": 0,
}

# The parts in which a bound may be broken.
FAULTS = {
    "dispatch": dispatch.faults, "flood": flood.faults, "handoff": handoff.faults, "connects": connects.faults,
    "browsers": browsers.faults, "relayed": relayed.faults, "reconnects": reconnects.faults, "restart": restart.faults,
    "disruptions": disruptions.faults, "longline": longline.faults,
}


def too_long(*_):
    raise SystemExit(f"bench: not done in {SECONDS_MAX} s")


def before(path) -> dict:
    """What was recorded earlier: a part that is not taken now stays."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="most rounds of the relay part (5)")
    parser.add_argument("--window", type=int, default=900, help="measured milliseconds of each run (900)")
    parser.add_argument("--waiters", type=int, default=10_000, help="parked connections (10000)")
    parser.add_argument("--parking-rounds", type=int, default=3, help="rounds of the memory part (3)")
    parser.add_argument("--dispatches", type=int, default=300, help="measured dispatches at each size (300)")
    parser.add_argument("--handoffs", type=int, default=2, help="rounds of the hand-off part (2)")
    parser.add_argument("--connects", type=int, default=3, help="rounds of the connect part (3)")
    parser.add_argument("--instructions", type=int, default=500, help="connects whose instructions are counted (500)")
    parser.add_argument("--browsers", type=int, default=10, help="hand-offs of real Chromium, cold or warm (10)")
    parser.add_argument("--relayed", type=int, default=2, help="rounds of the part of relayed connections' memory (2)")
    parser.add_argument("--reconnects", type=int, default=8, help="seconds of each run beside 200 reconnecting clients (8)")
    parser.add_argument("--restarts", type=int, default=5, help="gateways killed and restarted (5)")
    parser.add_argument("--disruptions", type=int, default=1, help="0 leaves the part of disruptions out (1)")
    parser.add_argument("--long-line", type=int, default=longline.WAITING, help="clients of the long line (54000)")
    parser.add_argument("--flood", type=int, default=5, help="seconds of the flood part (5)")
    parser.add_argument("--quick", action="store_true", help="few rounds, and not the longest parts: a first look in 3 minutes")
    parser.add_argument("--only", help="these variants alone, comma between")
    parser.add_argument("--bin", default=os.path.join(ROOT, ".build", "release"), help="folder of the binaries")
    parser.add_argument("--record", action="store_true", help="write loadtest/results and docs/benchmarks.md")
    options = parser.parse_args()
    if options.quick:
        if options.record:
            parser.error("--quick has too few rounds to be recorded")
        for name, value in QUICK.items():
            setattr(options, name, value)

    began = time.monotonic()
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS_MAX)
    taken = {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "command": " ".join(
            ["python3 loadtest/bench/bench.py"] + [word for word in sys.argv[1:] if word != "--record"]),
    }
    results = os.path.join(ROOT, "loadtest", "results")
    path = os.path.join(results, "bench.json") if options.record else os.path.join(results, "local", "bench.json")
    out = before(path) if options.record else {}
    out["machine"] = report.machine()
    only = options.only.split(",") if options.only else None
    words = []

    def take(name, wanted, measure):
        if not wanted:
            return
        with tempfile.TemporaryDirectory(prefix="berth-bench-") as folder, Bench(folder, options.bin) as bench:
            out[name] = {**measure(bench), **taken}
        print("\n" + report.part(name, out[name]), flush=True)
        if name in FAULTS:
            words.extend(FAULTS[name](out[name]))

    # First, because the load average of this moment tells whether the machine is quiet.
    take("browsers", options.browsers, lambda bench: browsers.measure(bench, rounds=options.browsers))
    until = time.monotonic() + RELAY_SECONDS_MAX
    take("relay", options.rounds, lambda bench: relay.measure(
        bench, rounds=options.rounds, window_ms=options.window, until=until, only=only))
    take("parking", options.parking_rounds, lambda bench: parking.measure(
        bench, rounds=options.parking_rounds, waiters=options.waiters, only=only))
    take("relayed", options.relayed, lambda bench: relayed.measure(bench, rounds=options.relayed))
    take("handoff", options.handoffs, lambda bench: handoff.measure(bench, rounds=options.handoffs))
    take("connects", options.connects, lambda bench: connects.measure(bench, rounds=options.connects))
    take("instructions", options.instructions, lambda bench: instructions.measure(bench, count=options.instructions))
    take("reconnects", options.reconnects, lambda bench: reconnects.measure(bench, seconds=options.reconnects))
    take("restart", options.restarts, lambda bench: restart.measure(bench, rounds=options.restarts))
    take("flood", options.flood, lambda bench: flood.measure(bench, seconds=options.flood))
    take("disruptions", options.disruptions, disruptions.measure)
    take("longline", options.long_line, lambda bench: longline.measure(bench, waiting=options.long_line))
    take("dispatch", options.dispatches, lambda bench: dispatch.measure(bench, rounds=options.dispatches))

    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(out, file)
        file.write("\n")
    if options.record:
        text = "\n".join(report.part(name, out[name]) for name in report.PARTS if name in out)
        report.record(text, out, os.path.join(ROOT, "docs", "benchmarks.md"))
        folder = os.path.join(ROOT, "docs", "images", "bench")
        os.makedirs(folder, exist_ok=True)
        for name, draw in pictures.PICTURES.items():
            if name in out:
                with open(os.path.join(folder, f"{name}.svg"), "w", encoding="utf-8") as file:
                    file.write(draw(out[name]))
    print(f"{time.monotonic() - began:.1f} s; all figures: {os.path.relpath(path, ROOT)}")
    for one in words:
        print(f"bench: {one}")
    return 1 if words else 0


if __name__ == "__main__":
    sys.exit(main())
