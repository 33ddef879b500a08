"""The benchmark of the queue speaks today's scripts, and prints the form that two versions of it compare."""

import json
import os
import subprocess
import sys

from support.fleet import ROOT, binary

PROGRAM = os.path.join(ROOT, "loadtest", "bench", "queue", "session.py")
A_CALL = {"commands", "script_us"}


def test_each_benchmark_finds_its_parts():
    """Two modules of one name, in `loadtest/bench` and in its folder `queue`, would hide each other."""
    folder = os.path.dirname(os.path.dirname(PROGRAM))
    for program in ("bench.py", "chromium.py", "crowds.py", "tls.py", "queue/bench.py", "queue/session.py"):
        argv = [sys.executable, os.path.join(folder, program), "--help"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0 and "usage" in done.stdout, done.stderr


def test_sessions_are_measured():
    argv = [sys.executable, PROGRAM, "--quick", "--bin", os.path.dirname(binary("loadtest"))]
    done = subprocess.run(argv, input="\n\n", capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rounds) == 2
    for found in rounds:
        own, shared = found["a seat of its own"], found["a shared seat"]
        assert set(own) == {"enqueue", "release", "ready", "accept", "collect", "session"}
        assert set(shared) == {"enqueue", "release", "accept", "collect", "session"}
        for rows in (own, shared):
            assert all(A_CALL <= set(figures) and min(figures.values()) > 0 for figures in rows.values())
            assert "core_us" in rows["session"]
        assert set(found["a collect"]["of 256 grants"]) == A_CALL
        assert found["Lua"]["all"]["lines"] > found["Lua"]["longest"]["lines"] > 0
