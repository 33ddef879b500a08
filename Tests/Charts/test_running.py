"""The chart's files, environment and commands in real processes: Redis, a gateway, a worker, the pod of `helm test`."""

import json
import re
import signal
from urllib.parse import urlsplit

from support import client
from support.certificates import Authority
from support.chart_release import ChartRelease
from support.fleet import eventually
from support.helm_chart import ports
from support.process import run
from support.sentinels import free_ports

# Its slots need no browser.
POOL = {
    "chromium": None,
    "licences": {
        "label": "licences",
        "slots": 2,
        "sidecar": {"kind": "lease"},
        "autoscaling": {"by": "keda", "minReplicas": 0},
    },
}
VALUES = {
    "pools": POOL,
    "monitoring": {"serviceMonitor": {"enabled": True}},
    "networkPolicy": {"adminFrom": [{"namespaceSelector": {}}]},
}


async def get(port: int, path: str, token: str | None = None) -> tuple[int, str]:
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{bearer}Connection: close\r\n\r\n"
    answer = (await client.raw(port, head.encode())).decode()
    return int(answer.split()[1]), answer.partition("\r\n\r\n")[2]


async def probe(release: ChartRelease, name: str, process, kind: str) -> int:
    """What the kubelet asks, at the port that the admin listener took."""
    pod = release.templates[name]
    asked = pod["spec"]["containers"][0][kind]["httpGet"]
    assert asked["port"] in ports(pod)
    return (await get(process.admin, asked["path"]))[0]


async def wanted(release: ChartRelease, gateway) -> int:
    """What KEDA reads."""
    (trigger,) = release.rendered.one("ScaledObject", "demo-berth-worker-licences")["spec"]["triggers"]
    reference = release.rendered.one("TriggerAuthentication", trigger["authenticationRef"]["name"])
    (source,) = reference["spec"]["secretTargetRef"]
    url = urlsplit(trigger["metadata"]["url"])
    token = release.rendered.secret(source["name"])[source["key"]]
    status, body = await get(gateway.admin, f"{url.path}?{url.query}", token)
    assert status == 200 and json.loads(body)["pool"] == "licences", body
    return json.loads(body)[trigger["metadata"]["valueLocation"]]


async def test_a_release_serves_a_client(folder):
    async with ChartRelease(folder, VALUES) as release:
        await release.redis()
        gateway = await release.berth("gateway")
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert await probe(release, "gateway", gateway, kind) == 200

        stranger = client.make("stranger", gateway.port, path="/pool/licences/")
        await stranger.open()
        assert (await stranger.answer()).status == 401

        # No worker yet: the client waits, and KEDA reads that a slot is wanted.
        assert await wanted(release, gateway) == 0
        key = release.rendered.secret("demo-berth-key")["key"]
        user = client.make("user", gateway.port, path=f"/pool/licences/?token={key}")
        await user.open()

        async def asked_for():
            return await wanted(release, gateway) == 1

        await eventually(asked_for, 10, "KEDA reads one wanted slot")
        worker = await release.berth("worker")
        assert (await user.answer()).status == 101
        assert await probe(release, "worker", worker, "readinessProbe") == 200

        await helm_test(release, gateway.port)
        # A busy worker that gets SIGTERM serves its client to the end.
        worker.signal(signal.SIGTERM)
        await worker.wait_for("draining", timeout=10)
        assert await probe(release, "worker", worker, "readinessProbe") == 503
        assert await probe(release, "worker", worker, "livenessProbe") == 200
        await user.finish()
        assert await worker.exit(15) == 0


async def test_prometheus_reads_what_the_autoscaler_asks_for(folder):
    async with ChartRelease(folder, VALUES) as release:
        await release.redis()
        processes = {name: await release.berth(name) for name in ("gateway", "worker")}
        for name, process in processes.items():
            (endpoint,) = release.rendered.one("ServiceMonitor", f"demo-berth-{name}")["spec"]["endpoints"]
            credentials = endpoint["authorization"]["credentials"]
            token = release.rendered.secret(credentials["name"])[credentials["key"]]
            assert (await get(process.admin, endpoint["path"]))[0] == 401
            status, text = await get(process.admin, endpoint["path"], token)
            assert status == 200 and "\nberth_build_info{" in text
            if name == "gateway":
                (rule,) = endpoint["metricRelabelings"]
                pools = re.findall(r'^berth_slots_wanted\{pool="([^"]*)"\}', text, re.MULTILINE)
                assert (
                    [pool for pool in pools if re.fullmatch(rule["regex"], f"berth_slots_wanted;{pool}")] == pools != []
                )


async def test_the_trial_redis(folder):
    async with ChartRelease(folder, {}) as release:
        port = await release.redis()
        # What the pod's own probe asks, at this port.
        asked = release.templates["redis"]["spec"]["containers"][0]["readinessProbe"]["exec"]["command"]
        asked = [word.replace("redis-cli", f"redis-cli -p {port}") for word in asked]
        password = release.pod("redis").environment["REDISCLI_AUTH"]
        for secret, code in ((password, 0), ("wrong", 1)):
            assert (await run(f"probe-{code}", asked, folder, env={"REDISCLI_AUTH": secret})).code == code
        argv = ["redis-cli", "-p", str(port), "config", "get", "maxmemory*", "appendonly"]
        words = (await run("settings", argv, folder, env={"REDISCLI_AUTH": password})).output.split("\n")
        found = dict(zip(words[::2], words[1::2]))
        assert (found["maxmemory"], found["maxmemory-policy"]) == (str(256 << 20), "noeviction")
        assert found["appendonly"] == "yes"


async def helm_test(release: ChartRelease, port: int, *, passes=True):
    """The command of the test's pod, at this gateway's port instead of the Service's."""
    shell, flag, script = release.templates["test"]["spec"]["containers"][0]["command"]
    script, count = re.subn(r"demo-berth-gateway:\d+", f"127.0.0.1:{port}", script)
    assert count == 1
    # Inside a cluster there is no proxy.
    done = await run("helm-test", [shell, flag, script], release.folder, env={"no_proxy": "*"})
    assert (done.code == 0) == passes, done.output


async def test_helm_test_by_tls(folder):
    pair = Authority(folder).pair("gateway")
    given = {"certificate": {}}
    for name, path in (("tls.crt", pair.certificate), ("tls.key", pair.key)):
        with open(path, encoding="ascii") as file:
            given["certificate"][name] = file.read()
    async with ChartRelease(folder, {"gateway": {"tls": {"existingSecret": "certificate"}}}, given) as release:
        await release.redis()
        gateway = await release.berth("gateway")
        await helm_test(release, gateway.port)


async def test_helm_test_fails_where_nothing_listens(folder):
    await helm_test(ChartRelease(folder, {}), free_ports(1)[0], passes=False)
