"""The demo's checker passes a good run and fails for each of its requirements when that one is broken."""

import importlib.util
import os

import pytest

from support.ledger import FOREVER
from support.packed import packed
from support.process import parse_line

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SPEC = importlib.util.spec_from_file_location("demo_check", os.path.join(ROOT, "loadtest", "demo", "check.py"))
check = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check)

POOL = "dev|chromium|1.65|playwright"


def caps(**tenants):
    """What a file's declaration of these caps writes."""
    rows = [(f"tenant:{name}", f"{cap},10000,300000,0,1,0 1 - 0") for name, cap in tenants.items()]
    return [word.encode() for word in ["HSET", key("settings")] + [word for row in rows for word in row]]


class Run:
    """Eight clients, one after another on each of two slots; acme has slot 0, globex slot 1."""

    def __init__(self):
        self.records = {"caps": {"acme": 1, "globex": 2}, "slots": 2, "exit": 0, "clients": []}
        self.lines, self.entries = [], []
        self.entries += [(0.0, "unix:/x", [b"EVALSHA"]), (0.0, "lua", caps(acme=1, globex=2))]
        self.log(0, event="registered", worker="w.1")
        for slot in (0, 1):
            self.log(0, event="slot", slot=slot, state="free", pool=POOL)
        for number in range(3):
            self.log(0, event="sidecar", sidecar=number, state="ready")
        for n in range(8):
            tenant, slot, turn = ("acme", "globex")[n % 2], n % 2, n // 2
            self.records["clients"].append(
                {"name": f"c{n}", "tenant": tenant, "ok": True, "error": "", "read": "clicked", "began": 0, "ended": 9}
            )
            self.client(n, tenant, slot, 1 + turn, n + 1)
        self.lines.sort(key=lambda line: line.at)

    def client(self, n, tenant, slot, at, number):
        w = f"w{n}"
        lease = {"lease": f"{w}.1", "slot": slot, "token": f"5/{number}"}
        self.log(0.5 + n / 100, event="accept", waiter=w, tenant=tenant, selector="|||", run=f"c{n}", ticket=100 + n)
        self.log(at, event="grant", waiter=w, worker="w.1", **lease)
        self.log(at, event="session", **lease)
        self.log(at + 0.9, event="end", slot=slot, lease=f"{w}.1", reason="client")
        self.log(at + 0.9, event="end", waiter=w, outcome="served")
        self.log(at + 0.95, event="slot", slot=slot, state="free")
        self.log(at + 0.96, event="sidecar", sidecar=number, state="ready")
        held, queue = key(f"tenant:{tenant}:held"), key(f"queue:|||:{tenant}")
        self.entry(f"ZADD {queue} {100 + n} {w}")
        row = packed("slot", state="granted", lease=f"{w}.1", pool=POOL, tenant=tenant)
        self.entry(
            f"SADD {held} w.1/{slot}",
            f"ZREM {queue} {w}",
            [b"MSET", key(f"slot:w.1/{slot}").encode(), row],
        )
        self.entry(f"SREM {held} w.1/{slot}")

    def log(self, at, **fields):
        line = parse_line("dev", "", at)
        line.fields = fields
        self.lines.append(line)

    def entry(self, *commands):
        self.entries.append((0.0, "unix:/x", [b"EVALSHA"]))
        for command in commands:
            words = command if isinstance(command, list) else [word.encode() for word in command.split(" ")]
            self.entries.append((0.0, "lua", words))

    def failed(self) -> list[str]:
        return [what for what, findings in check.judge(self.records, self.lines, self.entries) if findings]


def key(name):
    return "berth:{default}:" + name


def test_a_good_run_passes():
    run = Run()
    assert check.judge(run.records, run.lines, run.entries) and run.failed() == []


def client_fails(run):
    run.records["clients"][3].update(ok=False, error="closed", read="")


def client_is_missing(run):
    del run.records["clients"][7]


def client_is_refused(run):
    run.log(9, event="refusal", run="c3", code="wait_timeout")


def tenant_is_above_its_cap(run):
    run.records["caps"]["globex"] = 0


def cap_is_passed_in_redis(run):
    run.entries.insert(1, (0.0, "lua", caps(acme=0)))
    run.entries[2], run.entries[1] = run.entries[1], run.entries[2]


def slot_serves_two(run):
    for line in run.lines:
        if line.event == "end" and line.get("lease") == "w2.1":
            line.at = FOREVER


def slot_is_idle(run):
    for line in run.lines:
        if line.get("lease") in ("w6.1",) and line.event in ("grant", "session"):
            line.at += 3
        if line.get("waiter") == "w6" and line.event == "end":
            line.at += 3


def spare_is_not_used(run):
    slot_is_idle(run)
    for line in run.lines:
        if line.event == "slot" and line.get("slot") == 0 and 3 < line.at < 4:
            line.at += 2


def grant_is_out_of_order(run):
    run.entry(f"ZADD {key('queue:|||:globex')} 1 early")
    run.client(9, "globex", 1, 8, 20)


def monitor_is_empty(run):
    del run.entries[1:]


def slot_is_unused(run):
    run.records["slots"] = 3


def exit_is_bad(run):
    run.records["exit"] = 1


def test_hand_offs_with_a_spare_are_told_from_those_without():
    run = Run()
    ended = next(line for line in run.lines if line.event == "end" and line.get("slot") == 0)
    run.lines = [line for line in run.lines if line.event != "sidecar" or line.at == 0 or line.at > ended.at + 1]
    found = check.spares.hand_offs(run.lines)
    assert len(found) == 6 and [one.with_spare for one in found[:2]] == [True, False]
    assert all(abs(one.seconds - 0.1) < 0.01 and abs(one.fit_seconds - 0.05) < 0.01 for one in found)


@pytest.mark.parametrize(
    "fault, requirement",
    [
        (client_fails, "all eight clients succeeded"),
        (client_is_missing, "all eight clients succeeded"),
        (client_is_refused, "nobody was refused"),
        (tenant_is_above_its_cap, "no tenant above its cap"),
        (cap_is_passed_in_redis, "no tenant above its cap"),
        (slot_serves_two, "a slot serves one at a time"),
        (slot_is_idle, "no free slot idle while one waited"),
        (spare_is_not_used, "a spare that was up served at once"),
        (grant_is_out_of_order, "grants followed the scores"),
        (monitor_is_empty, "the records are complete"),
        (slot_is_unused, "every slot was used"),
        (exit_is_bad, "berth dev ended well"),
    ],
)
def test_each_requirement_can_fail(fault, requirement):
    run = Run()
    fault(run)
    assert requirement in run.failed()
