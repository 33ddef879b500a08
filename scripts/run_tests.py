#!/usr/bin/env python3
"""Builds and runs all tests, side by side where that is faster: `make test` and, with --long, `make test-long`.

    scripts/run_tests.py [--long] [PART ...]

A part starts when the parts it needs are done. Parts that compute take turns at the cores, at low priority; parts that
wait for deadlines of real processes start at once. The end of the output lists the time of each part, the slowest tests
and the counts. The output of a part that failed is printed whole; all outputs are kept in .build/tests.
"""

import argparse
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = os.path.join(ROOT, ".build", "tests")
CORES = os.cpu_count() or 2
SLOWEST = 20
# A part that takes longer hangs.
PART_SECONDS_MAX = 1_500
PART_SECONDS_MAX_LONG = 5 * 3_600
# Tests of processes wait for deadlines most of the time, so more of them run at a time than there are cores. Browsers use
# the cores.
PROCESS_TESTS_AT_A_TIME = 2 * CORES + 1
BROWSER_TESTS_AT_A_TIME = CORES

# Niceness counts within a session alone where the kernel groups processes by session, so the group gets it too.
LOWEST = ["sh", "-c", '{ echo 19 >/proc/self/autogroup; } 2>/dev/null; exec nice -n 19 "$@"', "sh"]

PYTHON = os.path.join(ROOT, ".venv", "bin", "python")
CHARTS_PYTHON = os.path.join(ROOT, ".venv-charts", "bin", "python")
DEBUG = os.path.join(ROOT, ".build", "debug")
SIM = os.path.join(DEBUG, "sim")
# Colours depend on the terminal, and with other flags everything is built again.
BUILD = ["swift", "build", "--no-color-diagnostics", "--explicit-target-dependency-import-check", "error"]

CORE_TESTS = (
    "^(HTTPCoreTests|MetricsTests|AdminCoreTests|QueueCoreTests|GatewayCoreTests|WorkerCoreTests|ConfigurationTests|DoctorTests|SlotRunTests|TerminalTests|LoadTestCoreTests|FuzzTests"
    "|SimulationTests|TidyTests)"
)
LOOP_TESTS = "^(EventLoopTests|RedisClientTests|GatewayTests|WorkerTests)"
# In two halves, by the first letter of the suite's name.
QUEUE_TESTS = "^QueueTests[.]"
QUEUE_TESTS_A = "^QueueTests[.][A-M]"
QUEUE_TESTS_B = "^QueueTests[.][N-Z]"
# The same on every server.
ON_ONE_SERVER = "CostTests|StoreDifferenceTests|ShrinkerTests|LinkerTests|TornScriptTests"
# The verbs, and what depends on the server most: its replies, its file, its connections.
SAMPLE_ON_VALKEY = "^QueueTests[.](WayOfAGrant|Healing|Quarantine|Suspension|Refusal|QueueClient|Model|TornTail)Tests"


@dataclass
class Part:
    name: str
    command: list
    # It starts when these have passed, and those of `after` have ended.
    needs: tuple = ()
    after: tuple = ()
    environment: dict = field(default_factory=dict)
    # Computes all the time: takes a core and low priority.
    computes: bool = False
    # A builder prints no count of tests.
    has_tests: bool = True


@dataclass
class Outcome:
    code: int
    seconds: float
    cpu_seconds: float
    output: str


@dataclass
class Test:
    seconds: float
    name: str


def swift(name, wanted, *more, after=(), computes=True, **environment):
    """Suites of Swift tests, one test after the other: beside others a test's time would be theirs too."""
    program = os.path.join(DEBUG, "berthPackageTests.xctest")
    command = [program, "--testing-library", "swift-testing", "--no-parallel", "--filter", wanted, *more]
    return Part(name, command, ("build",), after, environment, computes)


def pytest(name, at_a_time, *folders):
    """Python tests of these folders, so many at a time."""
    command = [PYTHON, "-m", "pytest", *folders, "-n", str(at_a_time), "--dist", "worksteal"]
    command += [f"--junitxml={OUT}/{name}.xml"]
    return Part(name, command, ("build",))


def parts(long):
    charts = [CHARTS_PYTHON, "-m", "pytest", "Tests/Charts", "--durations=5"]
    seeds = "2000" if long else "250"
    every = "1" if long else "6"
    # A flood of calls must be answered within a second, so browsers do not run beside it.
    quiet = ("processes", "browsers")
    found = [
        # Alone: beside the compiler real browsers take longer than their clients wait.
        Part("build", BUILD + ["--build-tests"], has_tests=False),
        pytest("processes", PROCESS_TESTS_AT_A_TIME, "Tests/support", "Tests/Integration"),
        pytest("browsers", BROWSER_TESTS_AT_A_TIME, "Tests/EndToEnd"),
        Part("charts", charts, ("build",), computes=True),
        Part("simulation", [SIM, "--seeds", seeds, "--jobs", "1"], ("build",), computes=True, has_tests=False),
        Part("planted bugs", [SIM, "--replay", "--every", every, "--jobs", "1"], ("build",), computes=True, has_tests=False),
        swift("loops and sockets", LOOP_TESTS, computes=False),
        swift("cores", CORE_TESTS),
        swift("queue on Redis, A to M", QUEUE_TESTS_A, after=quiet),
        swift("queue on Redis, N to Z", QUEUE_TESTS_B, after=quiet),
    ]
    if not long:
        sample = swift("queue on Valkey", SAMPLE_ON_VALKEY, after=quiet, BERTH_REDIS="valkey", BERTH_MODEL_STEPS="150")
        return found + [sample]
    # It builds everything again, so it comes last.
    last = tuple(part.name for part in found)
    found.append(Part("fuzz", [os.path.join(ROOT, "scripts", "fuzz"), "20"], last, computes=True, has_tests=False))
    for variant in ("valkey", "cluster", "acl"):
        found.append(swift(f"queue on {variant}", QUEUE_TESTS, "--skip", ON_ONE_SERVER, BERTH_REDIS=variant))
    return found


class Run:
    """All parts: each in a thread that waits for its needs, then for a core, then for its process."""

    def __init__(self, chosen, long):
        self.parts = chosen
        self.seconds_max = PART_SECONDS_MAX_LONG if long else PART_SECONDS_MAX
        self.environment = dict(os.environ, NO_COLOR="1", **({"BERTH_LONG": "1"} if long else {}))
        self.outcomes = {}
        self.done = {part.name: threading.Event() for part in chosen}
        # One more than cores, so that a part that the others' priority holds up does not keep a core from the rest.
        self.cores = threading.Semaphore(CORES + 1)
        self.print_lock = threading.Lock()
        self.processes = set()
        self.began = time.monotonic()

    def say(self, words):
        with self.print_lock:
            print(f"[{time.monotonic() - self.began:4.0f} s] {words}", flush=True)

    def all(self):
        threads = [threading.Thread(target=self.one, args=(part,), daemon=True) for part in self.parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def one(self, part):
        try:
            for name in part.needs:
                if name in self.done:
                    self.done[name].wait()
                    if self.outcomes[name].code != 0:
                        self.outcomes[part.name] = Outcome(1, 0, 0, f"not run: {name} failed\n")
                        return
            for name in part.after:
                if name in self.done:
                    self.done[name].wait()
            if part.computes:
                with self.cores:
                    self.run(part)
            else:
                self.run(part)
        finally:
            self.done[part.name].set()

    def run(self, part):
        self.say(f"{part.name} ...")
        path = os.path.join(OUT, re.sub(r"\W+", "-", part.name) + ".txt")
        began = time.monotonic()
        with open(path, "wb") as file:
            process = subprocess.Popen(
                [*(LOWEST if part.computes else []), *part.command],
                cwd=ROOT,
                env=dict(self.environment, **part.environment),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.processes.add(process)
            alarm = threading.Timer(self.seconds_max, self.kill, [process])
            alarm.start()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = code = os.waitstatus_to_exitcode(status)
            alarm.cancel()
            self.processes.discard(process)
        seconds = time.monotonic() - began
        with open(path, encoding="utf-8", errors="replace") as file:
            output = file.read()
        if code == 0 and part.has_tests and counts(output)[0] == 0:
            code = 1
            output += "\nno test ran\n"
        self.outcomes[part.name] = Outcome(code, seconds, usage.ru_utime + usage.ru_stime, output)
        self.say(f"{part.name}: {'done' if code == 0 else f'FAILED ({code})'} in {seconds:.0f} s")

    def kill(self, process):
        self.say(f"a part took over {self.seconds_max} s and is ended")
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def end(self):
        for process in list(self.processes):
            self.kill(process)


def counts(output):
    """Tests that passed, failed and were skipped, by the closing lines of Swift Testing and pytest."""
    passed = failed = skipped = 0
    for line in output.splitlines():
        if match := re.search(r"Test run with (\d+) tests? .*?(passed|failed) after", line):
            ended = len(re.findall(r"^\S+ Test (?!run with).* failed after ", output, re.MULTILINE))
            left = len(re.findall(r"^\S+ Test .* skipped", output, re.MULTILINE))
            passed, failed, skipped = int(match[1]) - ended - left, ended, left
        elif re.match(r"=+ .*\b(passed|failed|error).* in [\d.]+s", line):
            passed = sum(int(n) for n in re.findall(r"(\d+) passed", line))
            failed = sum(int(n) for n in re.findall(r"(\d+) (?:failed|error)", line))
            skipped = sum(int(n) for n in re.findall(r"(\d+) skipped", line))
    return passed, failed, skipped


def tests_of(name, output):
    """Each test's time, as its runner told it."""
    path = os.path.join(OUT, f"{name}.xml")
    if os.path.exists(path):
        for case in xml.parse(path).iter("testcase"):
            yield Test(float(case.get("time", 0)), f"{case.get('classname')}::{case.get('name')}")
        return
    for match in re.finditer(r"^\S+ Test (?!run with)(.+?)(?: with \d+ test cases?)? (?:passed|failed) after ([\d.]+)", output, re.MULTILINE):
        yield Test(float(match[2]), f"{name}: {match[1]}")


def report(run):
    failures = [part for part in run.parts if run.outcomes[part.name].code != 0]
    for part in failures:
        print(f"\n===== {part.name} FAILED =====\n{run.outcomes[part.name].output[-200_000:]}")
    print("\n| part | wall s | CPU s | passed | failed | skipped |\n|---|---|---|---|---|---|")
    total = [0, 0, 0]
    for part in run.parts:
        outcome = run.outcomes[part.name]
        found = counts(outcome.output) if part.has_tests else (0, 0, 0)
        total = [a + b for a, b in zip(total, found)]
        numbers = " | ".join(str(n) if part.has_tests else "" for n in found)
        print(f"| {part.name} | {outcome.seconds:.0f} | {outcome.cpu_seconds:.0f} | {numbers} |")
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"| all | {time.monotonic() - run.began:.0f} | {usage.ru_utime + usage.ru_stime:.0f} | " + " | ".join(map(str, total)) + " |")
    slowest = sorted(
        (test for part in run.parts if part.has_tests for test in tests_of(part.name, run.outcomes[part.name].output)),
        key=lambda test: -test.seconds,
    )
    print(f"\nThe {SLOWEST} slowest tests:")
    for test in slowest[:SLOWEST]:
        print(f"{test.seconds:8.1f} s  {test.name}")
    broken = [part.name for part in failures if part.has_tests is False or counts(run.outcomes[part.name].output)[1] == 0]
    if failures:
        print("\nFailed: " + ", ".join(part.name for part in failures))
    # A part that failed without a failed test (a build, a crash, the simulator) counts as one.
    print(f"\n{total[0]} passed, {total[1] + len(broken)} failed, {total[2]} skipped")
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--long", action="store_true", help="what is long by its nature runs whole")
    parser.add_argument("part", nargs="*", help="these parts alone; what they need must be built")
    options = parser.parse_args()
    known = parts(options.long)
    if unknown := set(options.part) - {part.name for part in known}:
        parser.error(f"no part {sorted(unknown)}; there are {[part.name for part in known]}")
    os.makedirs(OUT, exist_ok=True)
    run = Run([part for part in known if not options.part or part.name in options.part], options.long)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        run.all()
    finally:
        run.end()
    sys.exit(report(run))


if __name__ == "__main__":
    main()
