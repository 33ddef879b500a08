"""One Redis at a time for the queue's benchmarks."""

import os
import time

import dispatch
from callgrind import Callgrind
from processes import Bench

PERSISTENCE = ("--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction")
SLOW_US = 5_000
SLOW_LOG = ("--slowlog-log-slower-than", str(SLOW_US), "--slowlog-max-len", "1000")
START_SECONDS_MAX = 60


class Servers:
    """Each call starts an empty Redis with the scripts on a core of its own, and ends the one before. `first`: before
    all others on that core, since what they take of it would be counted as a script's time."""

    def __init__(self, bench: Bench, sources, *, first, callgrind: Callgrind | None = None):
        self.bench, self.sources, self.first, self.callgrind = bench, sources, first, callgrind
        self.child, self.number = None, 0

    def __call__(self) -> str:
        if self.child is not None:
            self.child.end()
        self.number += 1
        path = os.path.join(self.bench.folder, f"s{self.number}")
        argv = ["redis-server", "--port", "0", "--unixsocket", path, *PERSISTENCE, *SLOW_LOG]
        if self.callgrind:
            argv = self.callgrind.wrapped(argv)
        self.child = self.bench.start(f"redis-{self.number}", argv, core=self.bench.proxy_core, to_file=True)
        end = time.monotonic() + START_SECONDS_MAX
        while not os.path.exists(path):
            if self.child.process.poll() is not None or time.monotonic() > end:
                raise self.child.failed("no socket")
            time.sleep(0.02)
        if self.first:
            self.put_first()
        redis = dispatch.Redis(path)
        for source in self.sources.values():
            redis("SCRIPT", "LOAD", source)
        redis.close()
        return path

    def put_first(self):
        try:
            os.sched_setscheduler(self.child.pid, os.SCHED_RR, os.sched_param(1))
        except PermissionError:
            pass
