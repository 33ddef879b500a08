"""Autobahn's test suite of WebSocket, at a server itself and at the same server behind gateway and worker."""

import json
import os
import sys

import pytest
from support.fleet import ROOT, Fleet
from support.process import Process, run

LONG = bool(os.environ.get("BERTH_LONG"))
WSTEST = os.path.join(ROOT, ".venv-autobahn", "bin", "wstest")
ECHO = os.path.join(ROOT, "Tests", "support", "websockets_echo.py")
# Framing, pings, reserved bits, opcodes, fragments, UTF-8, the end of a connection, sizes, and a part of compression.
SAMPLE = ["1.*", "2.*", "3.*", "4.*", "5.*", "7.*", "10.*", "12.1.1", "12.2.1", "13.3.1"]
CASES = (os.environ.get("BERTH_AUTOBAHN") or "").split() or (["*"] if LONG else SAMPLE)
SECONDS_MAX = 3_000 if LONG else 400
# What must be equal: the verdict on the messages, the verdict on the close, and the code of the server's Close.
VERDICT = ("behavior", "behaviorClose", "remoteCloseCode")
# A server may answer a good frame, or fail on the bad frame behind it first. Both pass, and which one is a race.
SAME = {"NON-STRICT": "OK"}


@pytest.mark.skipif(not os.access(WSTEST, os.X_OK), reason="needs wstest: scripts/setup autobahn, with Python 2.7")
async def test_verdicts_are_those_of_the_server_itself(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        command = f"{sys.executable} {ECHO}"
        await fleet.worker({"AppA:x": 20}, command=command, more=["--mode", "shared", "--sessions", "20"])
        await fleet.grantable(20, timeout=60)
        direct = fleet.keep(await Process.start("direct", [sys.executable, ECHO], folder))
        url = (await direct.wait_for(where=lambda line: line.text.startswith("ws://"))).text
        reports = os.path.join(folder, "reports")
        specification = {
            "outdir": reports,
            "servers": [
                {"agent": "direct", "url": url},
                {"agent": "berth", "url": f"ws://127.0.0.1:{gateway.port}/pool/AppA"},
            ],
            "cases": CASES,
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        path = os.path.join(folder, "specification.json")
        with open(path, "w", encoding="ascii") as file:
            json.dump(specification, file)
        argv = [WSTEST, "-m", "fuzzingclient", "-s", path]
        suite = await run("wstest", argv, folder, timeout=SECONDS_MAX)
        assert suite.code == 0, suite.tail()
        with open(os.path.join(reports, "index.json"), encoding="utf-8") as file:
            found = json.load(file)
        verdicts = {
            agent: {case: tuple(SAME.get(row[name], row[name]) for name in VERDICT) for case, row in cases.items()}
            for agent, cases in found.items()
        }
        print({agent: len(cases) for agent, cases in verdicts.items()})
        passed = [case for case, (messages, *_) in verdicts["direct"].items() if messages != "FAILED"]
        assert len(verdicts["direct"]) >= 100 and len(passed) > 0.9 * len(verdicts["direct"])
        different = {
            case: (verdict, verdicts["berth"].get(case))
            for case, verdict in verdicts["direct"].items()
            if verdicts["berth"].get(case) != verdict
        }
        assert not different, different
        await fleet.nothing_held(within=30)
        assert await fleet.audit() == []
