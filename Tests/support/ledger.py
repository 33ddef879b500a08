"""What clients saw, gateways logged and workers logged, as plain records. Field names of logs occur here only."""

from dataclasses import dataclass, field, replace

FOREVER = float("inf")


@dataclass(frozen=True)
class Wait:
    """One waiter, from a gateway's log. `ticket` is None when it never stood in the queue."""

    waiter: str
    gateway: str
    tenant: str
    selector: str
    run: str
    began: float
    ticket: int | None = None
    ended: float = FOREVER
    outcome: str = ""
    endings: int = 0


@dataclass(frozen=True)
class Granted:
    """A grant as its gateway logged it."""

    waiter: str
    lease: str
    worker: str
    slot: int
    token: tuple[int, int]
    at: float


@dataclass(frozen=True)
class Service:
    """One session at a worker, from proof to end."""

    lease: str
    worker: str
    slot: int
    pool: str
    token: tuple[int, int]
    began: float
    ended: float = FOREVER
    # The name by which its gateway logs the waiter; the queue may know it by another id later.
    name: str = ""

    @property
    def waiter(self) -> str:
        return self.name or self.lease.rpartition(".")[0]

    @property
    def place(self) -> tuple[str, int]:
        return self.worker, self.slot


@dataclass(frozen=True)
class SlotFree:
    """A span in which a slot was free and not yet granted."""

    worker: str
    slot: int
    pool: str
    began: float
    ended: float = FOREVER


@dataclass
class Ledger:
    saws: list = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    grants: list[Granted] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    free: list[SlotFree] = field(default_factory=list)
    # The longest time from a log line's writing to its reading: how far the machine was behind.
    lag: float = 0.0

    def tenant_of(self) -> dict[str, str]:
        return {wait.waiter: wait.tenant for wait in self.waits}

    @classmethod
    def read(cls, saws, gateway_lines, worker_lines, deaths=None) -> "Ledger":
        """`deaths`: when a process ended, by name; what it served ended then at the latest."""
        deaths = deaths or {}
        waits, grants = read_gateways(gateway_lines)
        services, free = read_workers(worker_lines, grants)
        names = read_names(gateway_lines)
        services = [replace(s, name=names.get(s.waiter, s.waiter)) for s in services]
        services = [replace(s, ended=min(s.ended, deaths.get(s.worker, FOREVER))) for s in services]
        waits = [replace(w, ended=min(w.ended, deaths.get(w.gateway, FOREVER))) for w in waits]
        lag = max((line.read - line.at for line in (*gateway_lines, *worker_lines)), default=0.0)
        return cls(list(saws), waits, grants, services, free, max(0.0, lag))


def read_token(text) -> tuple[int, int]:
    """`epoch/number`, as logs spell it."""
    epoch, _, number = str(text).rpartition("/")
    return int(epoch or 0), int(number)


def read_gateways(lines) -> tuple[list[Wait], list[Granted]]:
    waits: dict[str, Wait] = {}
    grants = []
    for line in sorted(lines, key=lambda line: line.at):
        waiter = line.get("waiter")
        if not waiter:
            continue
        if line.event == "accept":
            waits[waiter] = Wait(
                waiter, line.process, line.get("tenant", ""), line.get("selector", ""), line.get("run", ""), line.at
            )
        elif line.event == "grant":
            token = read_token(line.get("token"))
            grants.append(Granted(waiter, line.get("lease"), line.get("worker"), int(line.get("slot")), token, line.at))
        if waiter in waits:
            was = waits[waiter]
            if line.get("ticket") is not None:
                was = replace(was, ticket=int(line.get("ticket")))
            if line.event in ("end", "refusal"):
                outcome = line.get("outcome") or line.get("code") or ""
                was = replace(was, ended=line.at, outcome=outcome, endings=was.endings + 1)
            waits[waiter] = was
    return list(waits.values()), grants


def read_names(lines) -> dict[str, str]:
    """Ids in leases → the waiter's name in its gateway's log, which keeps its first id."""
    names = {}
    for line in lines:
        if line.get("waiter") and line.get("as"):
            names[line.get("as")] = line.get("waiter")
        if line.get("waiter") and line.get("lease"):
            names[line.get("lease").rpartition(".")[0]] = line.get("waiter")
    return names


def read_workers(lines, grants) -> tuple[list[Service], list[SlotFree]]:
    """Sessions and free spans. A slot's free span ends at its next grant, reject or session, or with its process.

    Logs tell milliseconds: what happened within one is put in order by its token, a lease before what it left behind.
    """
    services: dict[tuple, Service] = {}
    pools: dict[tuple, str] = {}
    last: dict[str, float] = {}
    marks: list[tuple[float, tuple, int, tuple, str]] = []
    for line in sorted(lines, key=lambda line: line.at):
        last[line.process] = max(last.get(line.process, 0), line.at)
        if line.get("slot") is None:
            continue
        place = (line.process, int(line.get("slot")))
        if line.get("pool"):
            pools[place] = line.get("pool")
        if line.event == "session":
            lease = line.get("lease")
            token = read_token(line.get("token"))
            services[(place, lease)] = Service(lease, *place, pools.get(place, ""), token, line.at)
            marks.append((line.at, token, 0, place, "busy"))
        elif line.event == "end":
            key = (place, line.get("lease"))
            if key in services:
                services[key] = replace(services[key], ended=line.at)
        elif line.event == "slot":
            token = read_token(line.get("token", "0/0"))
            marks.append((line.at, token, 1, place, "free" if line.get("state") == "free" else "busy"))
    workers = {line.get("worker"): line.process for line in lines if line.event == "registered" and line.get("worker")}
    for grant in grants:
        if grant.worker in workers:
            marks.append((grant.at, grant.token, 0, (workers[grant.worker], grant.slot), "busy"))
    free, since = [], {}
    for at, _, _, place, state in sorted(marks, key=lambda mark: mark[:3]):
        if state == "free":
            since.setdefault(place, at)
        elif place in since:
            free.append(SlotFree(*place, pools.get(place, ""), since.pop(place), at))
    free += [SlotFree(*place, pools.get(place, ""), at, last[place[0]]) for place, at in since.items()]
    return list(services.values()), free
