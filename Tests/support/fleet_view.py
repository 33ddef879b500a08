"""What `GET /events` of an admin listener says about a fleet: made up in any size, and the difference of two of them."""

import copy
import math
import random
from collections import Counter

KEYS = {"pools": "pool", "tenants": "tenant", "workers": "id", "line": "id"}
STATES = ["free", "leased", "recycling", "draining", "out"]
POOLS = [
    ("AppA:Chromium:Staging", "chromium", "1.65", "playwright"), ("AppB:Firefox:UAT", "firefox", "1.65", "playwright"),
    ("tools:Chromium", "chromium", "", "cdp"), ("AppC:Chromium", "chromium", "1.64", "playwright"),
    ("boards", "", "", "lease"),
]
TENANTS = ["acme", "nightly", "checkout", "search-team", "mobile", "design", "payments", "infra"]
LINE_MAX = 50
BEGIN = 1_767_225_600_000


def empty(**head) -> dict:
    """A fleet without workers and clients."""
    return {
        "at": BEGIN,
        "head": {
            "fleet": "prod", "process": "gw-1.3f2a6c0d9e81b745", "role": "gateway", "version": "0.9.0", "redisMs": 0.4,
            "mayChange": True, "recovering": False, "policy": "fifo", "maxQueue": 1_000_000, "paused": [],
            "waiting": 0, "oldestAt": None, "slots": dict.fromkeys(STATES, 0),
            "reasons": dict.fromkeys(["capacity", "tenant_cap", "no_worker", "paused", "recovering"], 0),
            "grantsPerSecond": 0.0, "refusedShare": 0.0, "waitP50": None, "waitP99": None, "refusedBy": "",
            "gateways": [{"id": "gw-1.3f2a6c0d9e81b745", "waiting": 0, "aside": 0, "suspended": ""}],
            "totals": {"pools": 0, "tenants": 0, "workers": 0, "waiters": 0},
        } | head,
        "pools": [], "tenants": [], "workers": [], "line": [], "recent": [],
    }


def worker(number: int, slots: list, **other) -> dict:
    return {
        "id": f"w-{number}.{number:016x}", "address": f"10.0.{number // 250}.{number % 250 + 1}:3131", "state": "ok",
        "draining": False, "trouble": "", "lateAt": None, "served": 3 * number % 50, "sessionsMax": 50,
        "startedAt": BEGIN - 700_000 * number, "version": "0.9.0", "slots": slots,
    } | other


class Scene:
    """A fleet that lives: `step` lets a second pass. Sums agree with the rows, as they do at a gateway."""

    def __init__(self, *, workers=6, slots=8, waiters=60, tenants=8, pools=4, seed=1):
        self.random = random.Random(seed)
        self.clients = 0
        self.state = empty()
        kinds = [POOLS[i] if i < len(POOLS) else (f"App{i}:Chromium", "chromium", "1.65", "playwright")
                 for i in range(pools)]
        self.pools = ["|".join(kind) for kind in kinds]
        self.tenants = [TENANTS[i] if i < len(TENANTS) else f"team-{i}" for i in range(tenants)]
        # Some tenants want much more than others.
        self.weights = [1 / (i + 1) for i in range(tenants)]
        self.caps = {name: [workers, workers * 2, None, 4][i % 4] for i, name in enumerate(self.tenants)}
        self.sums = {name: [40 * (tenants - i), i * i % 5, 90_000 * (tenants - i)]
                     for i, name in enumerate(self.tenants)}
        self.state["workers"] = [
            worker(i, [self.slot(self.pools[i % pools]) for _ in range(slots)]) for i in range(1, workers + 1)
        ]
        self.waiters = [self.waiter() for _ in range(waiters)]
        self.waiters_wanted = waiters
        self.sum_up()

    def tenant(self) -> str:
        return self.random.choices(self.tenants, self.weights)[0]

    def slot(self, pool) -> list:
        return [self.random.choices(["free", "recycling", "out"], [90, 7, 3])[0], pool, "", ""]

    def waiter(self) -> dict:
        self.clients += 1
        # Few clients ask for a pool that is paused. They wait on.
        weights = [0.02 if pool.split("|")[0] in self.state["head"]["paused"] else 1 for pool in self.pools]
        pool = self.random.choices(self.pools, weights)[0].split("|")
        return {
            "id": f"{self.random.getrandbits(128):032x}", "tenant": self.tenant(),
            "selector": f"{pool[0]}|{pool[1]}||{pool[3]}", "since": self.state["at"] - self.random.randrange(1_000),
            "run": f"build-{self.clients // 4}", "gateway": "gw-1.3f2a6c0d9e81b745", "ahead": 0,
            "reason": "capacity", "estimateMs": None,
        }

    def held(self) -> Counter:
        slots = [slot for row in self.state["workers"] for slot in row["slots"]]
        return Counter(slot[3] for slot in slots if slot[0] == "leased")

    def next(self, pool, held) -> dict | None:
        """Takes the first waiter that a slot of the pool may serve."""
        if pool.split("|")[0] in self.state["head"]["paused"]:
            return None
        for i, row in enumerate(self.waiters):
            cap = self.caps[row["tenant"]]
            if row["selector"].split("|")[0] == pool.split("|")[0] and (cap is None or held[row["tenant"]] < cap):
                return self.waiters.pop(i)
        return None

    def sum_up(self):
        state, head = self.state, self.state["head"]
        slots = [slot for row in state["workers"] for slot in row["slots"]]
        counts = {pool: dict.fromkeys(STATES, 0) for pool in self.pools}
        for slot in slots:
            counts[slot[1]][slot[0]] += 1
        head["slots"] = {name: sum(one[name] for one in counts.values()) for name in STATES}
        line = self.waiters
        head["waiting"] = len(line)
        head["oldestAt"] = line[0]["since"] if line else None
        head["totals"] = {
            "pools": len(self.pools), "tenants": len(self.tenants), "workers": len(state["workers"]),
            "waiters": len(line),
        }
        state["pools"] = []
        for pool in self.pools:
            label, browser, version, protocol = pool.split("|")
            mine = [row for row in line if row["selector"].split("|")[0] == label]
            state["pools"].append({
                "pool": pool, "label": label, "browser": browser, "version": version, "protocol": protocol,
                "paused": label in head["paused"], "slots": counts[pool],
                "waiting": len(mine), "oldestAt": mine[0]["since"] if mine else None,
                "wanted": counts[pool]["leased"] + min(len(mine), 9),
            })
        held = self.held()
        for row in line:
            if row["reason"] != "no_worker":
                cap, label = self.caps[row["tenant"]], row["selector"].split("|")[0]
                capped = cap is not None and held[row["tenant"]] >= cap
                row["reason"] = "paused" if label in head["paused"] else "tenant_cap" if capped else "capacity"
        reasons = ["capacity", "tenant_cap", "no_worker", "paused", "recovering"]
        head["reasons"] = dict.fromkeys(reasons, 0) | Counter(row["reason"] for row in line)
        state["tenants"] = []
        for name in self.tenants:
            mine = [row for row in line if row["tenant"] == name]
            sessions, refusals, held_ms = self.sums[name]
            state["tenants"].append({
                "tenant": name, "configured": True, "held": held[name], "cap": self.caps[name], "waiting": len(mine),
                "oldestAt": mine[0]["since"] if mine else None,
                "reason": Counter(row["reason"] for row in mine).most_common(1)[0][0] if mine else "",
                "sessions": sessions, "refusals": refusals, "heldMs": held_ms,
            })
        state["line"] = [row | {"ahead": i, "estimateMs": 700 * (i + 1)} for i, row in enumerate(line[:LINE_MAX])]

    def step(self) -> dict:
        """One second later."""
        self.state = state = copy.deepcopy(self.state)
        state["at"] += 1_000
        slots = [slot for row in state["workers"] for slot in row["slots"]]
        for slot in slots:
            if slot[0] == "leased" and self.random.random() < 0.12:
                self.sums[slot[3]][2] += 8_000
                slot[:] = ["recycling", slot[1], "", ""]
            elif slot[0] == "recycling" and self.random.random() < 0.5:
                slot[0] = "free"
        held, served = self.held(), 0
        for row in state["workers"]:
            for slot in row["slots"]:
                if slot[0] == "free" and (client := self.next(slot[1], held)):
                    slot[:] = [
                        "leased", slot[1], client["id"] + ".1", client["tenant"], client["run"], state["at"]]
                    held[client["tenant"]] += 1
                    self.sums[client["tenant"]][0] += 1
                    row["served"] = row["served"] % 50 + 1
                    served += 1
        tide = 1 + 0.4 * math.sin(state["at"] / 16_000) + self.random.uniform(-0.05, 0.05)
        for _ in range(max(0, round(self.waiters_wanted * tide) - len(self.waiters))):
            self.waiters.append(self.waiter())
        head = state["head"]
        head["grantsPerSecond"] = round(0.8 * head["grantsPerSecond"] + 0.2 * served, 1)
        head["waitP50"], head["waitP99"] = 2.0, 9.0
        head["redisMs"] = round(self.random.uniform(0.3, 0.6), 1)
        self.sum_up()
        return state


def difference(before: dict, after: dict) -> dict | None:
    """The `change` from one state to the other; None if nothing differs but the time."""
    change = {"at": after["at"]}
    head = {name: value for name, value in after["head"].items() if before["head"].get(name) != value}
    if head:
        change["head"] = head
    for table, key in KEYS.items():
        old = {row[key]: row for row in before[table]}
        new = {row[key]: row for row in after[table]}
        part = {
            "set": [row for name, row in new.items() if old.get(name) != row],
            "gone": [name for name in old if name not in new],
        }
        if table == "line" and list(old) != list(new):
            part["order"] = list(new)
        if any(part.values()):
            change[table] = part
    added = [row for row in after["recent"] if row not in before["recent"]]
    if added:
        change["recent"] = {"add": added}
    return change if len(change) > 1 else None
