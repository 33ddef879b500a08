"""`loadtest run`, `compare` and `plot`: against a fleet of its own, HAProxy's queue, and a gateway by TLS."""

import json
import os
import socket

import pytest
from support.certificates import Authority
from support.fleet import ROOT, Fleet, binary
from support.network import objection
from support.process import Process, run

LONG = bool(os.environ.get("BERTH_LONG"))
PICTURES = {"wait-distribution", "wait-percentiles", "smoke-queue", "smoke-shares", "smoke-memory"}
PNG = b"\x89PNG\r\n\x1a\n"

BURST = """
question: Does HAProxy queue what Berth queues?
slots: 2
arrivals: { burst: 20 }
hold: 100ms
frames: { count: 2, bytes: 70000 }
"""


async def loadtest(folder, *arguments, timeout=120.0):
    return await run(f"loadtest-{arguments[0]}", [binary("loadtest"), *arguments], folder, timeout=timeout)


def read(path) -> dict:
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def served_all(result):
    sessions = result["sessions"]
    assert sessions["served"] == sessions["arrived"] > 0 and not sessions["refused"], sessions
    held = sum(tenant["slotSeconds"] for tenant in result["tenants"])
    assert held > 0 and sum(tenant["served"] for tenant in result["tenants"]) == sessions["served"]
    for tenant in result["tenants"]:
        assert tenant["inUseMost"] <= tenant.get("cap", result["scenario"]["slots"])


def valid(result):
    """A busy machine hands slots on late, and that is all that may make a run void here."""
    late = [words for words in result["checks"]["void"] if not words.startswith("work conservation")]
    assert not late and result["checks"]["workConservation"] > 0.5, result["checks"]


async def test_a_run_with_a_fleet_of_its_own(folder):
    out = os.path.join(folder, "smoke.json")
    process = await loadtest(folder, "run", "smoke", "--out", out)
    result = read(out)
    assert process.code == (1 if result["checks"]["void"] else 0), process.output
    served_all(result)
    valid(result)
    assert result["sessions"]["arrived"] > 60 and result["wait"]["count"] == result["sessions"]["served"]
    assert result["answer"]["count"] > 200
    timeline = result["timeline"]
    assert max(timeline["waiting"]) > 4 and max(timeline["inUse"]) == 4
    assert [group["name"] for group in timeline["groups"]] == ["acme", "globex", "burst"]
    assert all(row["gateways"] > 1 << 20 and row["redis"] > 1 << 20 for row in timeline["memory"])
    assert set(result["origin"]["versions"]) == {"berth", "redis"}
    assert "VOID" not in process.output or result["checks"]["void"]

    # The same run is no different from itself, and each picture is one.
    compared = await loadtest(folder, "compare", out, out, "--force")
    assert compared.code == 0 and compared.output.count("no difference shown") == 4, compared.output
    pictures = os.path.join(folder, "plots")
    plotted = await loadtest(
        folder, "plot", out, "--out", pictures, "--python", os.path.join(ROOT, ".venv", "bin", "python"))
    assert plotted.code == 0, plotted.output
    assert {name.removesuffix(".png") for name in os.listdir(pictures)} == PICTURES
    for name in os.listdir(pictures):
        with open(os.path.join(pictures, name), "rb") as file:
            assert file.read(8) == PNG and os.path.getsize(os.path.join(pictures, name)) > 10_000


class HAProxy:
    """HAProxy with two connections at a time to an echo server, and its queue for the others."""

    def __init__(self, folder):
        self.folder = folder

    async def __aenter__(self):
        self.echo = await Process.start("echo", [binary("loadtest"), "echo"], self.folder)
        line = await self.echo.wait_for(where=lambda line: line.text.startswith("ws://"))
        peer = line.text.removeprefix("ws://").removesuffix("/echo")
        config = os.path.join(ROOT, "loadtest", "bench", "peers", "haproxy.cfg")
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
            self.port, number = listener.getsockname()[1], listener.fileno()
            values = {"BUFSIZE": "16384", "STATS": f"{self.folder}/stats", "PEER": peer, "SLOTS": "2"}
            self.proxy = await Process.start(
                "haproxy", ["haproxy", "-db", "-f", config], self.folder, env={**values, "LISTEN_FD": str(number)},
                pass_fds=(number,))
        return self

    async def __aexit__(self, *_):
        await self.proxy.dispose()
        await self.echo.dispose()


async def test_any_gateway_that_queues(folder):
    scenario, out = os.path.join(folder, "burst.yaml"), os.path.join(folder, "burst.json")
    with open(scenario, "w", encoding="utf-8") as file:
        file.write(BURST)
    async with HAProxy(folder) as proxy:
        url = f"ws://127.0.0.1:{proxy.port}/echo?key=secret"
        process = await loadtest(folder, "run", scenario, "--url", url, "--out", out)
        result = read(out)
        served_all(result)
        valid(result)
        assert result["answer"]["count"] == 40, process.output
        # A query may hold a key.
        assert result["origin"]["addresses"] == [url.partition("?")[0]]
        # Two slots are there. A run that claims four finds two idle, and one that claims one finds one too many.
        four = await loadtest(folder, "run", scenario, "--url", url, "--slots", "4")
        assert four.code == 1 and "VOID: work conservation: " in four.output, four.output
        one = await loadtest(folder, "run", scenario, "--url", url, "--slots", "1")
        assert one.code == 1 and "VOID: 2 sessions at once, but the scenario has 1 slots" in one.output, one.output
        void = await loadtest(folder, "run", scenario, "--url", url, "--slots", "1", "--out", f"{folder}/void.json")
        # The void one first: on a busy machine the other may be void too.
        compared = await loadtest(folder, "compare", f"{folder}/void.json", out)
        assert void.code == 1 and compared.code == 1 and "void.json is void: " in compared.output


async def test_clients_come_by_tls(folder):
    scenario, out = os.path.join(folder, "burst.yaml"), os.path.join(folder, "burst.json")
    with open(scenario, "w", encoding="utf-8") as file:
        file.write(BURST)
    async with Fleet(folder) as fleet:
        authority = Authority(folder)
        gateway = await fleet.gateway(more=authority.pair("one").flags)
        await fleet.worker({"load": 2}, more=["--mode", "shared", "--max-sessions", "1000"])
        await fleet.grantable(2)
        url = f"wss://localhost:{gateway.port}/pool/load/echo"
        process = await loadtest(folder, "run", scenario, "--url", url, "--ca", authority.path, "--out", out)
        assert process.code in (0, 1), process.output
        served_all(read(out))
        valid(read(out))
        stranger = await loadtest(folder, "run", scenario, "--url", url)
        assert stranger.code == 1 and "20 lost their connection" in stranger.output, stranger.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "smoke1"), "did you mean 'smoke'?"),
        (("run", "none.yaml"), "cannot read none.yaml"),
        (("run", "smoke", "--url", "http://127.0.0.1:1/"), "is no WebSocket address like ws://"),
        (("run", "smoke", "--slots", "0"), "--slots is a number from 1"),
        (("run", "smoke", "--berth", "/nowhere/berth"), "no program at /nowhere/berth"),
        (("scenarios", "brst"), "did you mean 'burst'?"),
        (("compare", "none.json", "none.json"), "cannot read none.json"),
        (("plot", "none.json"), "cannot read none.json"),
    ],
)
async def test_a_mistake_is_told(folder, arguments, words):
    process = await loadtest(folder, *arguments)
    assert process.code not in (0, None) and words in process.output, process.output


@pytest.mark.skipif(objection() is not None, reason=str(objection()))
@pytest.mark.parametrize("ports, said", [(400, False), (80, True)])
async def test_too_many_connections_to_one_address_are_told(folder, ports, said):
    scenario = os.path.join(folder, "many.yaml")
    with open(scenario, "w", encoding="utf-8") as file:
        file.write("question: How many at once?\nslots: 2\narrivals: { burst: 60 }\nhold: 1ms\n")
    setup = f"ip link set lo up && echo 20000 {20000 + ports - 1} >/proc/sys/net/ipv4/ip_local_port_range"
    argv = ["unshare", "--net", "sh", "-ec", f'{setup}; exec "$@"', "sh", binary("loadtest"), "run", scenario]
    process = await run("loadtest-ports", argv, folder, timeout=60)
    assert ("over 40 connections at once: Linux now takes long" in process.output) == said, process.output
    assert "60 served" in process.output, process.output


async def test_each_scenario_tells_its_question(folder):
    process = await loadtest(folder, "scenarios")
    lines = process.output.splitlines()
    assert len(lines) == 9 and all(line.endswith("?") for line in lines)
    shown = await loadtest(folder, "scenarios", "burst")
    with open(os.path.join(ROOT, "loadtest", "Core", "Scenarios", "burst.yaml"), encoding="utf-8") as file:
        assert shown.output == file.read().rstrip("\n")


@pytest.mark.skipif(not LONG, reason="make test-long")
@pytest.mark.parametrize("name", ["burst", "ci-fleet", "reconnect-storm", "agent-swarm", "slow-clients", "roll", "steady"])
async def test_a_named_scenario(folder, name):
    out = os.path.join(folder, f"{name}.json")
    process = await loadtest(folder, "run", name, "--out", out, timeout=400)
    result = read(out)
    valid(result)
    sessions = result["sessions"]
    assert sessions["arrived"] == sessions["served"] + sessions["gaveUp"], process.output
