"""The part `session`: many short rounds of `session.py`, in turn with that of another version of Berth if one is named."""

import contextlib
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PROGRAM = os.path.join("loadtest", "bench", "queue", "session.py")
ROUNDS, QUICK_ROUNDS = 30, 2


def git(*words):
    return subprocess.run(["git", "-C", ROOT, *words], check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def checked_out(ref, folder):
    """A worktree of that version."""
    root = os.path.join(folder, "baseline")
    git("worktree", "add", "--detach", root, ref)
    try:
        yield root
    finally:
        git("worktree", "remove", "--force", root)


class Version:
    """The program of one version of Berth, once for instructions and once for times."""

    def __init__(self, root, binaries, cores):
        self.argv = [sys.executable, os.path.join(root, PROGRAM), "--bin", os.path.abspath(binaries)]
        self.cores = cores
        self.runs: list[dict] = []

    @contextlib.contextmanager
    def started(self, options):
        self.process = subprocess.Popen(
            [*self.argv, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, self.cores))
        # Leaving closes its input, which ends it.
        with self.process:
            yield

    def run(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"bench: ended: {' '.join(self.argv)}")
        self.runs.append(json.loads(line))


def measure(binaries, *, cores, quick, baseline, baseline_binaries, folder) -> dict:
    """The runs of each version: the first one for instructions, the others for times, in which versions take turns."""
    more = ["--quick"] if quick else []
    rounds = QUICK_ROUNDS if quick else ROUNDS
    with contextlib.ExitStack() as worktree:
        versions = [Version(ROOT, binaries, cores)]
        if baseline:
            root = worktree.enter_context(checked_out(baseline, folder))
            versions.append(Version(root, baseline_binaries, cores))
        print("session: instructions", flush=True)
        for version in versions:
            with version.started(["--instructions", *more]):
                version.run()
        print(f"session: {rounds} rounds", flush=True)
        with contextlib.ExitStack() as programs:
            for version in versions:
                programs.enter_context(version.started(more))
            for number in range(rounds):
                for version in versions if number % 2 else reversed(versions):
                    version.run()
        found = {"runs": versions[0].runs}
        if baseline:
            found["baseline"] = {"ref": git("rev-parse", "--short", baseline), "runs": versions[1].runs}
    return found
