"""docs/operate/compose.md, command by command, in real containers: a Playwright client opens a page."""

import json
import os
import shutil
import sys

import pytest
from support import containers, guide
from support.fleet import ROOT, eventually, free_slots

DOCUMENT = "docs/operate/compose.md"
PROJECT = "berth"
# What the document calls `docker compose`.
DOCKER = """#!/bin/sh
shift
exec {compose} --in-pod false -f compose.yaml -f here.yaml "$@"
"""
# Where no registry can be reached, Redis' image is Debian's Redis. The names of services are in /etc/hosts, because
# Debian's aardvark-dns 1.4 sometimes answers nothing for 40 s after a container was added.
HERE = """
services:
  redis:
    image: localhost/berth-test-redis
    networks: { default: { ipv4_address: 10.20.1.2 } }
  gateway:
    networks: { default: { ipv4_address: 10.20.1.3 } }
    extra_hosts: ["redis:10.20.1.2"]
  worker:
    extra_hosts: ["redis:10.20.1.2", "gateway:10.20.1.3"]
networks: { default: { ipam: { config: [{ subnet: 10.20.1.0/24 }] } } }
"""
# Opens a page of the gateway by the name that the worker's container knows.
CLIENT = """
import sys
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    key = open("secrets/acme_key").read().strip()
    connect = getattr(p.chromium, sys.argv[1])
    browser = connect("ws://127.0.0.1:8080/", headers={"Authorization": f"Bearer {key}"})
    page = browser.new_page()
    page.goto("http://gateway:8080/json/version")
    print(page.inner_text("body"))
    browser.close()
"""


@pytest.mark.skipif(containers.objection() is not None, reason=str(containers.objection()))
async def test_the_guide_to_compose_serves_a_browser_and_scales(folder):
    here = os.path.join(folder, "checkout")
    os.mkdir(here)
    shutil.copy(os.path.join(ROOT, "compose.yaml"), here)
    with open(os.path.join(here, "here.yaml"), "w", encoding="ascii") as file:
        file.write(HERE)
    async with containers.Engine(folder) as engine:
        path = engine.programs(docker=DOCKER.format(compose=containers.COMPOSE))
        shell = [*engine.inside, "env", "--chdir", here, path, "bash"]
        outputs = await guide.follow(DOCUMENT, folder, {None: shell}, without={"builder"}, env=engine.environment)
        assert len(outputs) == 3

        async def free():
            words = await engine.standard_output("podman", "exec", f"{PROJECT}_gateway_1", "berth", "status", "--json")
            return free_slots(json.loads(words)) == 7

        # One more worker serves CDP, whose browser the image starts without its own sandbox.
        cdp = ("compose", "run", "--detach", "-e", "BERTH_KIND=chromium", "-e", "POOL_CONFIG=Cdp=1", "worker")
        await engine.run(path, "docker", *cdp, cwd=here)
        await eventually(free, 60, "two slots of each of three workers, and one of the fourth")
        for name in ("redis_1", "gateway_1", "worker_1", "worker_2", "worker_3"):
            await holds_back(engine, f"{PROJECT}_{name}")
        for connect in ("connect", "connect_over_cdp"):
            page = await engine.run(sys.executable, "-c", CLIENT, connect, cwd=here)
            assert "wsEndpointPath" in page, page
        # It exits with 1 if records disagree.
        await engine.podman("exec", f"{PROJECT}_gateway_1", "berth", "audit")
        for name in ("redis", "gateway", "worker"):
            await engine.podman("healthcheck", "run", f"{PROJECT}_{name}_1")
        for name in ("gateway", "worker"):
            # Sent as by Compose: the container ends by itself, long before its grace is over.
            await engine.podman("stop", f"{PROJECT}_{name}_1")
            state = (await engine.inspect(f"{PROJECT}_{name}_1"))["State"]
            assert state["ExitCode"] == 0, state


async def holds_back(engine, container):
    """A container runs as a user without rights, on a root file system that it cannot write to."""
    looked = await engine.inspect(container)
    lines = (await engine.run("cat", f"/proc/{looked['State']['Pid']}/status")).splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert status["Uid"].split()[0] != "0", container
    assert int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0, (container, status)
    assert status["NoNewPrivs"] == "1", container
    # Filtered system calls, as in every container.
    assert status["Seccomp"] == "2", container
    tried = await engine.podman("exec", container, "sh", "-c", "touch /usr/written", check=False)
    assert "Read-only file system" in tried, (container, tried)
    published = [f"{at['HostIp']}:{at['HostPort']}" for at in ports(looked)]
    assert published == (["127.0.0.1:8080"] if "gateway" in container else []), published


def ports(looked):
    return [at for found in (looked["NetworkSettings"]["Ports"] or {}).values() for at in found or []]
