"""Sessions on the slots of a fleet, driven as its processes drive them."""

import select
from collections import deque

from dispatch import Redis
from fleet import Fleet, Grant, expect

# A gateway collects once a second; a busy one serves so many sessions in it.
SESSIONS_A_COLLECT = 64
STEPS = ("enqueue", "release", "ready", "accept")
# A seat of a shared browser is fit for its next client at once: `release` is also its `ready`.
SHARED_STEPS = ("enqueue", "release", "accept")
STATUS = {"enqueue": b"queued", "accept": b"accepted"}
GRANT_SECONDS_MAX = 60


class Connections:
    """A connection of its own for each process, with one call at a time on its way."""

    def __init__(self, path):
        self.path = path
        self.by_caller: dict[str, Redis] = {}
        self.poll = select.epoll()

    def of(self, caller) -> Redis:
        if caller not in self.by_caller:
            self.by_caller[caller] = Redis(self.path)
            self.poll.register(self.by_caller[caller].socket, select.EPOLLIN)
        return self.by_caller[caller]

    def ask(self, calls: list[tuple[str, bytes]]) -> list:
        """The replies to (caller, call), in their order. Each caller waits for a reply before its next call."""
        left: dict[int, deque] = {}
        for number, (caller, call) in enumerate(calls):
            redis = self.of(caller)
            left.setdefault(redis.socket.fileno(), deque()).append((number, redis, call))
        for queue in left.values():
            queue[0][1].socket.sendall(queue[0][2])
        replies: list = [None] * len(calls)
        while left:
            for descriptor, _ in self.poll.poll():
                queue = left[descriptor]
                number, redis, _ = queue.popleft()
                replies[number] = redis.read()
                if queue:
                    redis.socket.sendall(queue[0][2])
                else:
                    del left[descriptor]
        return replies


class Seats:
    """Each turn takes each group of seats one step further, each group another one. A seat is held before its `enqueue`
    and after its `accept`. As many wait as before, and the one who has waited longest gets the slot."""

    def __init__(self, fleet: Fleet, held: list[Grant], *, shared):
        self.fleet, self.shared = fleet, shared
        self.steps = SHARED_STEPS if shared else STEPS
        self.grants_at = self.steps[-2]
        self.groups = [held[first :: len(self.steps)] for first in range(len(self.steps))]
        self.connections = Connections(fleet.path)
        self.gateways = deque(fleet.slices)
        self.uncollected: dict[str, list[str]] = {gateway: [] for gateway in self.gateways}
        self.turns = 0

    def calls(self, step, group) -> list[tuple[str, bytes]]:
        if step == "enqueue":
            return [self.enqueue() for _ in group]
        if step == "release":
            return [(one.worker, self.fleet.release(one, fit=self.shared)) for one in group]
        if step == "ready":
            return [(one.worker, self.fleet.ready(one)) for one in group]
        for one in group:
            self.uncollected[one.gateway].append(one.letter)
        return [(one.worker, self.fleet.accept(one)) for one in group]

    def enqueue(self) -> tuple[str, bytes]:
        self.gateways.rotate()
        self.fleet.gateway = self.gateways[0]
        return self.gateways[0], self.fleet.next_enqueue()

    def collects(self) -> list[tuple[str, bytes]]:
        """Of the gateways whose turn it is; a collect acknowledges what was accepted since the last one."""
        found = []
        for gateway, leases in self.uncollected.items():
            if len(leases) >= SESSIONS_A_COLLECT:
                some, self.uncollected[gateway] = leases[:SESSIONS_A_COLLECT], leases[SESSIONS_A_COLLECT:]
                self.fleet.gateway = gateway
                found.append((gateway, self.fleet.collect(*some)))
        return found

    def turn(self, note=None) -> int:
        """`note`, with a step and its calls, follows each step alone; else all are on their way at once. Returns how
        many sessions came to their `accept`."""
        parts = [("collect", self.collects())]
        granted, accepted = None, 0
        for number, group in enumerate(self.groups[: self.turns + 1]):
            step = self.steps[(self.turns - number) % len(self.steps)]
            parts.append((step, self.calls(step, group)))
            if step == self.grants_at:
                granted = number
            accepted += len(group) if step == "accept" else 0
        for some in [[part] for part in parts] if note else [parts]:
            self.ask(some)
            for step, calls in some if note else ():
                note(step, len(calls))
        if granted is not None:
            group = self.groups[granted]
            self.groups[granted] = [self.fleet.heard.get(timeout=GRANT_SECONDS_MAX) for _ in group]
        self.turns += 1
        return accepted

    def ask(self, parts):
        statuses = [STATUS.get(step, b"ok") for step, calls in parts for _ in calls]
        replies = self.connections.ask([call for _, calls in parts for call in calls])
        for reply, status in zip(replies, statuses):
            expect(reply, status)
