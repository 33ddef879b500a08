"""Decides whether a demo run was right, apart from the product: exit 0 only if it was.

Reads what the clients saw (clients.json), what gateway and worker logged (log.jsonl) and what Redis' MONITOR recorded
(monitor.jsonl).
"""

import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "Tests"), os.path.join(ROOT, "loadtest", "demo")]

import spares  # noqa: E402
from support import checkers  # noqa: E402
from support.client import Saw  # noqa: E402
from support.ledger import Ledger  # noqa: E402
from support.process import parse_line  # noqa: E402
from support.replay import Replay  # noqa: E402

# `berth dev` logs gateway and worker on one stream; these events may be the worker's.
WORKER_EVENTS = {"slot", "sidecar", "reject", "session", "end", "registered"}
IDLE_SECONDS_MAX = 0.5
# From the end of a session until its slot is fit again, if a spare is up.
SPARE_SECONDS_MAX = 0.5


def fleet_of(entries) -> str:
    """The fleet's name, from the first key with a hash tag."""
    for _, _, arguments in entries:
        for argument in arguments:
            if argument.startswith(b"berth:{"):
                return argument[len(b"berth:{") : argument.index(b"}")].decode()
    return ""


def is_worker(line) -> bool:
    """The gateway's lines of these events carry the waiter, the worker's only the lease."""
    return line.event in WORKER_EVENTS and not line.get("waiter")


def saw_of(client: dict) -> Saw:
    saw = Saw(client["name"], client["tenant"], "/", began=client["began"], finished=client.get("ended"))
    saw.error = client["error"]
    if client["ok"]:
        saw.status, saw.echoed = 101, len(client["read"])
    return saw


def judge(records: dict, lines: list, entries: list) -> list[tuple[str, list[str]]]:
    """(what must hold, findings against it) for each requirement of the demo."""
    caps, clients = records["caps"], records["clients"]
    gateway = [line for line in lines if not is_worker(line)]
    worker = [line for line in lines if is_worker(line)]
    ledger = Ledger.read([saw_of(client) for client in clients], gateway, worker)
    replay = Replay(fleet_of(entries)).run(entries)
    held = [finding for finding in replay.findings if "held its cap" in finding]
    idle = [finding for finding in replay.findings if "is free while" in finding]
    order = [finding for finding in replay.findings if finding not in held + idle]
    refused = [line for line in lines if line.event == "refusal"]
    refusals = [f"{line.get('run') or line.get('waiter')}: {line.get('code')}" for line in refused]
    wrong = [f"{c['name']} read {c['read']!r}: {c['error']}" for c in clients if not c["ok"]]
    handed = spares.hand_offs(sorted(lines, key=lambda line: line.at))
    late = [one for one in handed if one.with_spare and one.fit_seconds > SPARE_SECONDS_MAX]
    unused = [f"slot {one.slot} was not fit for {one.fit_seconds:.1f} s although a spare was up" for one in late]
    slots = {service.place for service in ledger.services}
    return [
        ("all eight clients succeeded", wrong + ([] if len(clients) == 8 else [f"{len(clients)} clients"])),
        ("each was served once", checkers.served_once(ledger, expected=8) + checkers.one_session_each(ledger)),
        ("nobody was refused", refusals),
        ("no tenant above its cap", checkers.under_caps(ledger, caps) + held),
        ("a slot serves one at a time", checkers.slots_serve_one(ledger) + checkers.tokens_increase(ledger)),
        ("no free slot idle while one waited", checkers.no_idle_slot(ledger, caps, bound=IDLE_SECONDS_MAX) + idle),
        ("a spare that was up served at once", unused + ([] if handed else ["no slot was handed on"])),
        ("grants followed the scores", checkers.first_in_first_out(ledger, caps) + order),
        ("the records are complete", replay.sanity(8)),
        ("every slot was used", [] if len(slots) == records["slots"] else [f"only {sorted(slots)}"]),
        ("berth dev ended well", [] if records["exit"] == 0 else [f"exit code {records['exit']}"]),
    ]


def read(folder: str):
    with open(os.path.join(folder, "clients.json"), encoding="utf-8") as file:
        records = json.load(file)
    with open(os.path.join(folder, "log.jsonl"), encoding="utf-8") as file:
        lines = [parse_line("dev", text.rstrip("\n"), 0.0) for text in file]
    with open(os.path.join(folder, "monitor.jsonl"), encoding="utf-8") as file:
        rows = [json.loads(text) for text in file]
    return records, lines, [(at, source, [a.encode("latin-1") for a in arguments]) for at, source, arguments in rows]


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: check.py FOLDER (the records of demo.py)")
    failed = 0
    for what, findings in judge(*read(sys.argv[1])):
        print(f"{'FAILED' if findings else 'ok':6}  {what}")
        for finding in findings[:5]:
            print(f"        {finding}")
        failed += bool(findings)
    print(f"\n{'The demo FAILED.' if failed else 'All of it held.'}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
