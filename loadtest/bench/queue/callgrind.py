"""Instructions of a Redis that runs under valgrind's callgrind.

Callgrind writes a file with the instructions since the last one whenever Redis is about to run ECHO. So the client says
between what it counts, and no program has to stop Redis.
"""

import glob
import os
import re
import shutil

OPTIONS = ("--tool=callgrind", "--dump-before=echoCommand", "--dump-line=no")
# Redis' own timer does not count, and no slow log: both grow with the time that passes on a busy host.
TIMELESS = ("--toggle-collect=serverCron", "--collect-atstart=yes")
REDIS_OPTIONS = ("--hz", "1", "--dynamic-hz", "no", "--slowlog-log-slower-than", "-1")


class Callgrind:
    def __init__(self, folder):
        if not shutil.which("valgrind"):
            raise SystemExit("bench: no valgrind; run scripts/setup bench")
        self.path = os.path.join(folder, "callgrind")

    def wrapped(self, argv) -> list[str]:
        return ["valgrind", *OPTIONS, *TIMELESS, f"--callgrind-out-file={self.path}", *argv, *REDIS_OPTIONS]

    def taken(self, redis) -> int:
        """Since the last time."""
        redis("ECHO", "")
        (written,) = glob.glob(self.path + ".*")
        with open(written, encoding="utf-8") as file:
            total = int(re.search(r"^totals: (\d+)$", file.read(), re.MULTILINE)[1])
        os.remove(written)
        return total
