"""docs/operate/bare-metal.md, command by command, on three machines: systemd is the first process of each."""

import os
import shutil
import sys

import pytest
from support import containers, guide
from support.fleet import ROOT, eventually

DOCUMENT = "docs/operate/bare-metal.md"
MACHINES = {"redis": "10.20.0.11", "gateway": "10.20.0.12", "worker": "10.20.0.13"}
# A machine's container is called by its address.
SSH = """#!/bin/sh
machine=${1#root@}
shift
exec podman exec "$machine" "$@"
"""
SCP = """#!/bin/sh
[ "$1" = -r ] && shift
for last; do :; done
while [ $# -gt 1 ]; do podman cp "$1" "${last#root@}" || exit; shift; done
"""
# The driver's package, where no registry can be reached.
WHEELS = os.path.join(ROOT, ".build", "images", "wheels")
PIP = "[global]\nno-index = true\nfind-links = /wheels\n"
CLIENT = """
import subprocess, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    key = open("acme_key").read().strip()
    connect = getattr(p.chromium, sys.argv[1])
    browser = connect("ws://10.20.0.12:8080/", headers={"Authorization": f"Bearer {key}"})
    page = browser.new_page()
    page.goto("http://10.20.0.12:8080/json/version")
    {meanwhile}
    print(page.inner_text("body"))
    browser.close()
"""
# The worker's unit stops while the client has a page open.
STOP = """
    systemctl = ["podman", "exec", "10.20.0.13", "systemctl"]
    subprocess.run([*systemctl, "stop", "--no-block", "berth-worker"], check=True)
    state = "active"
    while state == "active":
        state = subprocess.run([*systemctl, "is-active", "berth-worker"], capture_output=True, text=True).stdout.strip()
    print(state)
    page.goto("http://10.20.0.12:8080/json/version?again")
"""


async def machine(engine, name, folder):
    """A machine that reaches no registry."""
    pip = os.path.join(folder, "pip.conf")
    with open(pip, "w", encoding="ascii") as file:
        file.write(PIP)
    mounts = ["--volume", f"{WHEELS}:/wheels:ro", "--volume", f"{pip}:/etc/pip.conf:ro"]
    await engine.podman(
        "run", "--detach", "--name", MACHINES[name], "--hostname", name, "--systemd=always", "--privileged",
        "--shm-size", "1g", "--network", "machines", "--ip", MACHINES[name], *mounts, "localhost/berth-test-host",
    )

    async def running():
        told = await engine.podman("exec", MACHINES[name], "systemctl", "is-system-running", check=False)
        return told == "running"

    await eventually(running, 60, f"{name} is up")


@pytest.mark.skipif(containers.objection() is not None, reason=str(containers.objection()))
async def test_the_guide_to_three_machines_serves_a_browser(folder):
    yours = os.path.join(folder, "yours")
    shutil.copytree(os.path.join(ROOT, "deploy"), os.path.join(yours, "deploy"))
    os.makedirs(os.path.join(yours, ".build", "release"))
    shutil.copy(containers.PROGRAM, os.path.join(yours, ".build", "release", "berth"))
    async with containers.Engine(folder) as engine:
        path = engine.programs(ssh=SSH, scp=SCP)
        await engine.podman("network", "create", "--subnet", "10.20.0.0/24", "--gateway", "10.20.0.1", "machines")
        for name in MACHINES:
            await machine(engine, name, folder)
        shells = {name: [*engine.inside, "podman", "exec", MACHINES[name], "bash"] for name in MACHINES}
        shells["yours"] = [*engine.inside, "env", "--chdir", yours, path, "bash"]
        outputs = await guide.follow(DOCUMENT, folder, shells, env=engine.environment)
        assert len(outputs) == 12
        client = (sys.executable, "-c", CLIENT.replace("{meanwhile}", ""))
        page = await engine.run(*client, "connect", cwd=yours)
        assert "wsEndpointPath" in page, page
        # A browser of this kind has its own sandbox, which the unit must not forbid.
        worker = ("exec", MACHINES["worker"])
        await engine.podman(*worker, "sh", "-c", "echo BERTH_KIND=chromium >> /etc/berth/worker.env")
        await engine.podman(*worker, "systemctl", "restart", "berth-worker")
        page = await engine.run(*client, "connect_over_cdp", cwd=yours)
        assert "wsEndpointPath" in page, page
        commands = await engine.podman(*worker, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        assert "--type=zygote" in commands and "--no-sandbox" not in commands, commands
        stopping = CLIENT.replace("{meanwhile}", STOP.strip())
        page = await engine.run(sys.executable, "-c", stopping, "connect_over_cdp", cwd=yours)
        assert page.startswith("deactivating") and "wsEndpointPath" in page, page
        # It exits with 1 if records disagree.
        audit = "set -a && . /etc/berth/gateway.env && berth audit"
        await engine.podman("exec", MACHINES["gateway"], "sh", "-c", audit)
        for name, unit in (("gateway", "berth-gateway"), ("worker", "berth-worker")):
            machine_of = ("exec", MACHINES[name], "systemctl")
            await engine.podman(*machine_of, "stop", unit)
            shown = await engine.podman(*machine_of, "show", unit, "-p", "Result,NRestarts,ExecMainStatus")
            assert set(shown.split()) == {"Result=success", "NRestarts=0", "ExecMainStatus=0"}, shown
