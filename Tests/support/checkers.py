"""Checkers apart from the product: pure functions over a ledger. Each returns findings in words; none is good."""

from collections import defaultdict
from fnmatch import fnmatchcase

from .ledger import FOREVER, Ledger
from .matching import fits

# The most time, in seconds, that may lie between a commit in Redis and the log line that tells of it.
LOG_LAG_MAX = 0.25


def served_once(ledger: Ledger, *, expected=None) -> list[str]:
    """Every client was served, by exactly one session at exactly one worker; its waiter ended exactly once."""
    findings = []
    sessions = defaultdict(list)
    for service in ledger.services:
        sessions[service.waiter].append(service)
    waits = defaultdict(list)
    for wait in ledger.waits:
        waits[wait.run].append(wait)
    if expected is not None and len(ledger.saws) != expected:
        findings.append(f"{len(ledger.saws)} clients, not {expected}")
    for saw in ledger.saws:
        if not saw.served:
            findings.append(f"{saw.name} was not served: {saw.status} {saw.code or saw.error}")
        mine = waits[saw.name]
        if len(mine) != 1:
            findings.append(f"{saw.name} has {len(mine)} waiters")
            continue
        count = len(sessions[mine[0].waiter])
        if count != 1:
            findings.append(f"{saw.name} has {count} sessions at workers")
        if mine[0].endings != 1:
            findings.append(f"{saw.name} ended {mine[0].endings} times at its gateway")
    known = {wait.waiter for wait in ledger.waits}
    findings += [f"session {s.lease} belongs to no waiter" for s in ledger.services if s.waiter not in known]
    return findings


def one_session_each(ledger: Ledger) -> list[str]:
    """No waiter ever had two sessions, none ended twice: what must hold under faults too."""
    findings, seen = [], {}
    for service in ledger.services:
        if service.waiter in seen:
            findings.append(f"waiter {service.waiter} served twice: {seen[service.waiter].place}, {service.place}")
        seen[service.waiter] = service
    return findings + [f"waiter {w.waiter} ended {w.endings} times" for w in ledger.waits if w.endings > 1]


def followers(ledger: Ledger):
    """Each two sessions that one slot served in a row."""
    by_place = defaultdict(list)
    for service in ledger.services:
        by_place[service.place].append(service)
    for services in by_place.values():
        services.sort(key=lambda s: s.began)
        yield from zip(services, services[1:])


def slots_serve_one(ledger: Ledger) -> list[str]:
    """A slot serves at most one session at a time."""
    return [
        f"slot {one.place}: {next.lease} began before {one.lease} ended"
        for one, next in followers(ledger)
        if next.began < one.ended
    ]


def tokens_increase(ledger: Ledger) -> list[str]:
    """Tokens accepted by a slot strictly increase."""
    return [
        f"slot {one.place}: token {next.token} after {one.token}"
        for one, next in followers(ledger)
        if next.token <= one.token
    ]


def under_caps(ledger: Ledger, caps: dict[str, int]) -> list[str]:
    """At no moment had a tenant more sessions at workers than its cap."""
    tenants, edges = ledger.tenant_of(), defaultdict(list)
    for service in ledger.services:
        tenant = tenants.get(service.waiter)
        if tenant in caps:
            edges[tenant] += [(service.began, 1), (service.ended, -1)]
    findings = []
    for tenant, moments in edges.items():
        held = 0
        # An end and a beginning at one instant: the end comes first.
        for at, change in sorted(moments):
            held += change
            if held > caps[tenant]:
                findings.append(f"tenant {tenant} held {held} of {caps[tenant]} at {at:.3f}")
                break
    return findings


def first_in_first_out(ledger: Ledger, caps: dict[str, int]) -> list[str]:
    """A grant passes an earlier waiter only if that one's tenant was at its cap or its selector did not fit.

    Grants are ordered by their tokens. Within a tenant the rule needs no clock: what had room for the later waiter
    had room for the earlier one. Across tenants a session counts as held if it may have been when the grant was
    committed: between the slot's becoming free, or the waiter's coming, and the gateway's line.
    """
    waits = {wait.waiter: wait for wait in ledger.waits if wait.ticket is not None}
    service_of = {service.lease: service for service in ledger.services}
    pool_of = {service.place: service.pool for service in ledger.services} | {
        (span.worker, span.slot): span.pool for span in ledger.free
    }
    grants = sorted((grant for grant in ledger.grants if grant.waiter in waits), key=lambda g: g.token)
    first_grant = {}
    for grant in grants:
        first_grant.setdefault(grant.waiter, grant)
    findings = []
    queue = sorted(waits.values(), key=lambda wait: wait.ticket)
    for index, grant in enumerate(grants):
        mine = waits[grant.waiter]
        service = service_of.get(grant.lease)
        pool = service.pool if service else pool_of.get((grant.worker, grant.slot))
        if pool is None:
            continue
        earliest = max([mine.began, *(s.began for s in spans_of(ledger, service) if s.began <= grant.at)])
        for wait in queue:
            if wait.ticket >= mine.ticket:
                break
            theirs = first_grant.get(wait.waiter)
            if (theirs and theirs.token <= grant.token) or wait.ended <= grant.at or not fits(wait.selector, pool):
                continue
            if wait.tenant != mine.tenant:
                held = sum(
                    1
                    for other in grants[:index]
                    if waits[other.waiter].tenant == wait.tenant
                    and end_of(other, service_of, waits) + LOG_LAG_MAX + ledger.lag > earliest
                )
                if held >= caps.get(wait.tenant, FOREVER):
                    continue
            findings.append(
                f"{mine.run or mine.waiter} ({mine.tenant}, ticket {mine.ticket}) got {pool} before"
                f" {wait.run or wait.waiter} ({wait.tenant}, ticket {wait.ticket})"
            )
    return findings


def spans_of(ledger: Ledger, service) -> list:
    """The free spans of the slot of a session."""
    return [span for span in ledger.free if service and (span.worker, span.slot) == service.place]


def end_of(grant, service_of, waits) -> float:
    """When a grant's lease ended, as far as the worker's log, else the waiter's end, tells."""
    service = service_of.get(grant.lease)
    return service.ended if service else waits[grant.waiter].ended


def no_idle_slot(ledger: Ledger, caps: dict[str, int], *, bound=0.5) -> list[str]:
    """No slot was free for longer than `bound` seconds while a waiter that fits it was eligible all that time."""
    tenants = ledger.tenant_of()
    held = defaultdict(list)
    granted_at = {}
    for grant in ledger.grants:
        granted_at[grant.waiter] = min(grant.at, granted_at.get(grant.waiter, FOREVER))
    for service in ledger.services:
        # Held from its grant, for longer than its session: the lease began before and ended a little after it.
        began = min(service.began, granted_at.get(service.waiter, FOREVER))
        lag = LOG_LAG_MAX + ledger.lag
        held[tenants.get(service.waiter)].append((began - lag, service.ended + lag))
    findings = []
    for span in ledger.free:
        for wait in ledger.waits:
            if wait.ticket is None or not fits(wait.selector, span.pool):
                continue
            until = min(wait.ended, granted_at.get(wait.waiter, FOREVER), span.ended)
            since = max(wait.began, span.began)
            idle = longest_below(held[wait.tenant], caps.get(wait.tenant, FOREVER), since, until)
            if idle > bound + ledger.lag:
                findings.append(
                    f"slot {span.worker}/{span.slot} ({span.pool}) free for {idle:.3f} s"
                    f" while {wait.run or wait.waiter} ({wait.tenant}) waited"
                )
    return findings


def longest_below(spans, cap, since: float, until: float) -> float:
    """The longest stretch of [since, until] in which fewer than `cap` of the spans run."""
    if until <= since:
        return 0.0
    running = [span for span in spans if span[0] < until and span[1] > since]
    edges = sorted([(max(a, since), 1) for a, _ in running] + [(b, -1) for _, b in running if b < until])
    count, longest, start = 0, 0.0, since if cap > 0 else None
    for at, change in edges:
        before = count
        count += change
        if before < cap <= count and start is not None:
            longest, start = max(longest, at - start), None
        elif before >= cap > count:
            start = at
    return max(longest, until - start) if start is not None else longest


def all_of(ledger: Ledger, caps: dict[str, int], *, expected=None, idle_bound=0.5) -> list[str]:
    """Every checker, for a run without faults."""
    return [
        *served_once(ledger, expected=expected),
        *safe(ledger, caps),
        *first_in_first_out(ledger, caps),
        *no_idle_slot(ledger, caps, bound=idle_bound),
    ]


def safe(ledger: Ledger, caps: dict[str, int]) -> list[str]:
    """What must hold whatever fails."""
    return [*one_session_each(ledger), *slots_serve_one(ledger), *tokens_increase(ledger), *under_caps(ledger, caps)]


def told_in_words(saws, *, resets=False) -> list[str]:
    """Each client that did not leave was served, or refused with a code and words, or closed with a reason.

    `resets`: a connection that just ends is an answer too (its own gateway was killed)."""
    findings = []
    for saw in saws:
        if saw.served or saw.left:
            continue
        refused = saw.status is not None and saw.status >= 400 and saw.code and saw.message
        closed = "closed: " in saw.error and not saw.error.endswith("closed: ")
        cut = resets and any(kind in saw.error for kind in ("Incomplete", "Reset", "Broken", "Refused"))
        if not (refused or closed or cut):
            findings.append(f"{saw.name} was told nothing: {saw.status} {saw.body[:80]!r} {saw.error}")
    return findings


def schema_only(keys: list[str], allowed: tuple[str, ...]) -> list[str]:
    """No key but those of the schema and of living processes. `allowed` are beginnings and patterns behind the hash tag."""
    findings = []
    for key in keys:
        rest = key.partition("}:")[2]
        if not any(fnmatchcase(rest, name) or rest.startswith(name + ":") for name in allowed):
            findings.append(f"left behind: {key}")
    return findings
