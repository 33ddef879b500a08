"""The commands of operators: tables, JSON, orders, exit codes, manual pages."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess

import pytest
from support import admin
from support.fleet import ROOT, Fleet, binary
from support.process import run
from support.terminal import berth, busy, said

LISTS = {"pools": "LABEL", "tenants": "TENANT", "workers": "WORKER", "waiters": "WAITER", "sessions": "SESSION"}


def key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def rows(fleet: Fleet, command: str, *arguments) -> list[list[str]]:
    """The words of each line of a table, without the header."""
    lines = (await said(fleet, command, *arguments)).splitlines()
    assert lines[0].startswith(LISTS[command] + " "), lines
    assert all(line == line.rstrip() for line in lines)
    return [line.split() for line in lines[1:]]


async def test_each_list_is_a_table_and_json(folder):
    async with Fleet(folder) as fleet:
        gateway, holder, waits = await busy(fleet)
        (pool,) = await rows(fleet, "pools")
        assert pool[:6] == ["AppA:x", "-", "-", "raw", "ok", "1"] and pool[7:] == ["0", "1", "0", "0", "0", "2"]
        (tenant,) = await rows(fleet, "tenants")
        assert tenant[:4] == ["default", "1", "-", "1"] and tenant[5] == "capacity"
        (worker,) = await rows(fleet, "workers")
        assert worker[:4] == ["w1", "ok", "1", "0"] and worker[-1] == "-"
        version = (await fleet.tool("--version")).output.strip()
        assert re.fullmatch(r"[0-9hms]+", worker[9]) and worker[10] == version, worker
        (waiter,) = await rows(fleet, "waiters")
        assert waiter[1] == "default" and waiter[7:9] == ["0", "capacity"] and waiter[10] == "waits"
        (session,) = await rows(fleet, "sessions")
        assert session[1:4] == ["default", "accepted", "AppA:x"] and session[-4:-2] == ["w1", "0"]
        assert re.fullmatch(r"[0-9hms]+", session[-2]) and session[-1] == "holder", session
        status = await said(fleet, "status")
        assert "1 slot: 1 leased; 1 worker, 1 gateway" in status and "1 client waits" in status
        assert "1 while all slots are in use" in status and "!" not in status
        for name in LISTS:
            answer = json.loads(await said(fleet, name, "--json"))
            own = (await admin.ask(gateway, f"/api/v1/{name}")).json
            assert len(answer[name]) == 1 and set(answer[name][0]) == set(own[name][0]), "as the admin listener answers"
        assert json.loads(await said(fleet, "status", "--json"))["line"][0]["run"] == "waits"
        assert await rows(fleet, "waiters", "--limit", "1", "--sort", "run")
        wrong = await berth(fleet, "pools", "--sort", "colour")
        assert wrong.code == 64 and "label, browser" in wrong.output
        assert (await berth(fleet, "waiters", "--limit", "0")).code == 64
        await holder.finish()
        assert (await waits.answer()).status == 101
        await waits.finish()


async def test_nobody_to_list_is_a_header(folder):
    async with Fleet(folder) as fleet:
        for name in LISTS:
            assert await rows(fleet, name) == [] and json.loads(await said(fleet, name, "--json"))[name] == []
        assert "Nobody waits." in await said(fleet, "status")


@pytest.mark.parametrize("command", ["status", "pools", "pause x", "resume x", "cancel 01234567", "cap acme 1", "top"])
async def test_a_redis_that_is_not_there_is_code_2(folder, command):
    process = await run(
        "away", [binary("berth"), *command.split(), "--redis", f"unix://{folder}/none", "--fleet", "test"], folder)
    assert process.code == 2 and "cannot be asked" in process.output, process.output
    bad = await run("bad", [binary("berth"), *command.split(), "--redis", "nonsense://x"], folder)
    assert bad.code == 2 and "redis://" in bad.output, bad.output


async def test_a_pause_is_seen_explained_and_ended(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        await fleet.worker({"AppA:x": 1})
        await fleet.grantable(1)
        assert "There is no pool AppA:y" in await said(fleet, "pause", "AppA:y", code=1)
        assert "no label" in await said(fleet, "pause", "AppA x!", code=64)
        assert "Nothing is" in await said(fleet, "resume", "AppA:x", code=1)
        assert "is paused" in await said(fleet, "pause", "AppA:x")
        assert json.loads(await said(fleet, "pause", "AppA:x", "--json")) == {"pool": "AppA:x", "paused": True}
        waits = await fleet.client("waits").open()
        await fleet.queued("waits")
        status = await said(fleet, "status")
        assert "! 1 client waits for AppA:x, which is paused: berth resume AppA:x" in status
        assert "1 who should not" in status
        assert (await rows(fleet, "pools"))[0][4] == "paused"
        assert "Paused: AppA:x" in await said(fleet, "resume", "AppA", code=1)
        assert json.loads(await said(fleet, "resume", "AppA:x", "--json")) == {"pool": "AppA:x", "paused": False}
        assert (await waits.answer()).status == 101
        await waits.finish()


async def test_a_cancel_takes_an_id_or_its_begin(folder):
    async with Fleet(folder) as fleet:
        _, holder, waits = await busy(fleet)
        (waiter,) = await rows(fleet, "waiters")
        (session,) = await rows(fleet, "sessions")
        assert re.fullmatch("[0-9a-f]{12}", waiter[0]) and re.fullmatch("[0-9a-f]{12}[.]1", session[0])
        for text in ("0123456", "x", "0123456789abcdefg"):
            assert "is no id" in await said(fleet, "cancel", text, code=1)
        for text in ("0" * 8, "0" * 32, "0" * 32 + ".1"):
            assert "may have ended" in await said(fleet, "cancel", text, code=1)
        whole = json.loads(await said(fleet, "waiters", "--json"))["waiters"][0]["id"]
        assert json.loads(await said(fleet, "cancel", waiter[0], "--json")) == {"ended": whole}
        assert (await waits.answer()).code == "gone"
        assert f"{session[0]} is ended" in await said(fleet, "cancel", session[0])
        assert "ended by request" in await holder.closed_by_peer(5)
        again = await fleet.client("again").open()
        assert (await again.answer()).status == 101
        whole = json.loads(await said(fleet, "sessions", "--json"))["sessions"][0]["id"]
        await said(fleet, "cancel", whole)
        assert "ended by request" in await again.closed_by_peer(5)
        await fleet.nothing_held(within=10)


async def test_a_cap_is_set_and_reset(folder):
    tenants = {"acme": {"cap": 2, "keys": [key("acme")]}}
    async with Fleet(folder, tenants=tenants) as fleet:
        await fleet.gateway()
        await fleet.worker({"AppA:x": 2})
        await fleet.grantable(2)
        assert "acme may hold 0 slots, and holds 0" in await said(fleet, "cap", "acme", "0")
        waits = await fleet.client("waits", headers={"Authorization": "Bearer acme"}).open()
        await fleet.queued("waits")
        assert "! 1 client waits of acme, whose cap is 0" in await said(fleet, "status")
        assert json.loads(await said(fleet, "cap", "acme", "1", "--json")) == {"tenant": "acme", "cap": 1}
        assert (await waits.answer()).status == 101
        assert (await rows(fleet, "tenants"))[0][:3] == ["acme", "1", "1"]
        assert json.loads(await said(fleet, "cap", "acme", "--reset", "--json")) == {"tenant": "acme", "cap": 2}
        for wrong in (["acme"], ["acme", "1", "--reset"], ["acme", "many"], ["no name", "1"]):
            assert (await berth(fleet, "cap", *wrong)).code == 64, wrong
        await waits.finish()


async def test_a_drain_answers_in_json(folder):
    async with Fleet(folder) as fleet:
        worker = await fleet.worker({"AppA:x": 1})
        told = json.loads(await said(fleet, "drain", "w1", "--wait", "--json"))
        assert told["worker"].startswith("w1.") and told["gone"] is True
        assert await worker.exit() == 0


async def test_health_is_readiness(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        worker = await fleet.worker({"AppA:x": 1})
        await fleet.grantable(1)

        async def health(port: int):
            return await fleet.tool("health", "--admin", f"http://127.0.0.1:{port}")

        for node in (gateway, worker):
            port = await admin.port_of(node)
            ready = await health(port)
            assert (ready.code, ready.output) == (0, ""), ready.output
            # As in a container, which listens where its environment says.
            for listen in (f"127.0.0.1:{port}", f":{port}", f"0.0.0.0:{port}"):
                asked = await run("own", [binary("berth"), "health"], folder, env={"BERTH_ADMIN_LISTEN": listen})
                assert (asked.code, asked.output) == (0, ""), asked.output
        port = await admin.port_of(gateway)
        holder = await fleet.client("holder").open()
        assert (await holder.answer()).status == 101
        gateway.signal(signal.SIGTERM)
        await gateway.wait_for("draining")
        draining = await health(port)
        assert draining.code == 1 and "not ready (503): draining" in draining.output
        other = await health(worker.port)
        assert other.code == 1, "the gateways' own port is no admin listener"
        await holder.finish()
        await gateway.exit()
        nobody = await health(port)
        assert nobody.code == 1 and "refused" in nobody.output


async def test_each_command_has_a_page_of_the_manual_without_a_fault(folder):
    made = subprocess.run(
        [os.path.join(ROOT, "scripts", "manpages"), binary("berth"), folder + "/man"], capture_output=True, text=True,
        timeout=20, check=False)
    assert made.returncode == 0, made.stderr
    pages = sorted(os.listdir(folder + "/man"))
    help_text = (await run("help", [binary("berth"), "--help"], folder)).output
    commands = re.findall(r"^  ([a-z]+) {2,}\S", help_text.partition("SUBCOMMANDS:")[2], re.MULTILINE)
    assert len(commands) > 15
    assert pages == sorted(["berth.1", *(f"berth-{name}.1" for name in commands if name != "help")])
    assert shutil.which("mandoc"), "scripts/setup installs mandoc"

    def mandoc(*arguments):
        # It looks for the pages that a page refers to in its folder.
        return subprocess.run(
            ["mandoc", "-T", *arguments], cwd=folder + "/man", capture_output=True, text=True, timeout=20, check=False)

    lint = mandoc("lint", *pages)
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, "", "")
    text = mandoc("ascii", "berth-cap.1").stdout
    plain = re.sub(".\b", "", text)
    assert "--reset" in plain and "EXIT STATUS" in plain and "2 if Redis" in plain, plain


async def test_a_shell_completes_commands(folder):
    script = os.path.join(folder, "berth.bash")
    made = subprocess.run([binary("berth"), "--generate-completion-script", "bash"], capture_output=True, check=True)
    with open(script, "wb") as file:
        file.write(made.stdout)
    asked = f'source {script}; COMP_WORDS=(berth wai); COMP_CWORD=1; COMP_LINE="berth wai"; COMP_POINT=9; '
    asked += '_berth berth wai berth; echo "${COMPREPLY[@]}"'
    shell = subprocess.run(
        ["bash", "-c", asked], capture_output=True, text=True, timeout=20, check=False,
        env={**os.environ, "PATH": os.path.dirname(binary("berth")) + ":" + os.environ["PATH"]})
    assert shell.stdout.split() == ["waiters"], (shell.stdout, shell.stderr)
