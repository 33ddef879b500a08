"""The chart's pods as containers of the images of `make images`: what a kubelet makes of them, by podman and crun.

Nothing that the chart renders is changed. All pods share one network, so their addresses are this machine's."""

import json
import os

import pytest

from support import containers
from support.chart_pod import ChartPod
from support.fleet import ROOT, eventually
from support.helm_chart import Rendered, component, environment, ports

pytestmark = pytest.mark.skipif(containers.objection() is not None, reason=str(containers.objection()))
IMAGES = {
    "gateway": "localhost/berth-gateway",
    "worker": "localhost/berth-worker",
    "redis": "localhost/berth-test-redis",
}
FACTS = {"metadata.name": "demo-pod", "status.podIP": "127.0.0.1"}
PYTHON = os.path.join(ROOT, ".venv", "bin", "python")
CLIENT = """
import sys
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    connect = getattr(p.chromium, sys.argv[1])
    browser = connect("ws://127.0.0.1:8080/", headers={"Authorization": f"Bearer {sys.argv[2]}"})
    page = browser.new_page()
    page.goto("http://127.0.0.1:8080/json/version")
    print(page.inner_text("body"))
    browser.close()
"""
NAMES = ("demo-berth-gateway", "demo-berth-redis")


def arguments(pod: ChartPod, template: dict) -> list[str]:
    """`podman run` for a pod's container."""
    spec, container = template["spec"], pod.container
    security, own = spec["securityContext"], container["securityContext"]
    assert own["readOnlyRootFilesystem"] and own["capabilities"]["drop"] == ["ALL"]
    found = ["--network", "host", "--user", f"{security['runAsUser']}:{security['runAsGroup']}"]
    found += ["--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    found += [f"--add-host={name}:127.0.0.1" for name in NAMES]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    for mount in container["volumeMounts"]:
        volume = volumes.get(mount["name"], {"emptyDir": {}})
        if "emptyDir" in volume:
            size = volume["emptyDir"].get("sizeLimit", "256Mi").replace("Mi", "m").replace("Gi", "g")
            found += ["--tmpfs", f"{mount['mountPath']}:rw,mode=1777,size={size}"]
        else:
            found += ["--volume", f"{pod.path(mount['mountPath'])}:{mount['mountPath']}:ro"]
    for name in environment(container):
        found += ["--env", f"{name}={pod.environment[name].removeprefix(pod.folder)}"]
    return found + ["--entrypoint", json.dumps(container["command"])]


@pytest.mark.parametrize("kind, connect", [("playwright", "connect"), ("chromium", "connect_over_cdp")])
async def test_a_release_serves_a_browser(folder, kind, connect):
    os.chmod(folder, 0o711)
    release = Rendered({"pools": {"chromium": {"sidecar": {"kind": kind}}}})
    templates = {component(pod): pod for pod in release.pods()}
    async with containers.Engine(folder) as engine:
        for name in ("redis", "gateway", "worker"):
            pod = ChartPod(release, templates[name], os.path.join(folder, name), facts=FACTS)
            await engine.podman("run", "--detach", "--name", name, *arguments(pod, templates[name]), IMAGES[name])

        async def probe(name: str, kind: str) -> bool:
            asked = templates[name]["spec"]["containers"][0][kind]["httpGet"]
            url = f"http://127.0.0.1:{ports(templates[name])[asked['port']]}{asked['path']}"
            answer = await engine.run(
                "curl", "--noproxy", "*", "-sS", "-o", "/dev/null", "-w", "%{http_code}", url, check=False
            )
            return answer.endswith("200")

        for name in ("gateway", "worker"):
            for kind in ("livenessProbe", "readinessProbe"):
                await eventually(
                    lambda name=name, kind=kind: probe(name, kind), 60, f"{name}'s {kind} passes", every=0.5
                )
        key = release.secret("demo-berth-key")["key"]
        page = await engine.run(PYTHON, "-c", CLIENT, connect, key)
        assert "wsEndpointPath" in page, page
        for name in ("redis", "gateway", "worker"):
            looked = await engine.inspect(name)
            lines = (await engine.run("cat", f"/proc/{looked['State']['Pid']}/status")).splitlines()
            status = {field: value.split() for field, _, value in (line.partition(":") for line in lines)}
            assert (status["Uid"][0], status["NoNewPrivs"], status["Seccomp"]) == ("10001", ["1"], ["2"]), name
            assert int(status["CapBnd"][0], 16) == 0, name
        # The hook of a Kubernetes that cannot pause by itself.
        await engine.podman("exec", "gateway", "sleep", "0")
        for name in ("worker", "gateway"):
            await engine.podman("stop", name)
            assert (await engine.inspect(name))["State"]["ExitCode"] == 0, name
