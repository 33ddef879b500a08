"""What the chart renders, read by Berth's own binary: berth.yaml, secrets and environment of each pod."""

import hashlib
import re

import pytest

from support.certificates import Authority
from support.chart_pod import FACTS, FACTS_IPV6, ChartPod
from support.helm_chart import SETS, component, release

PODS = [(name, pod) for name in SETS for pod in release(name).pods() if component(pod) in ("gateway", "worker")]
IDS = [f"{name}-{pod['owner']['metadata']['name']}" for name, pod in PODS]


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> dict:
    """The Secrets of people who bring their own."""
    pair = Authority(str(tmp_path_factory.mktemp("given"))).pair("gateway")
    read = {}
    for name, path in (("tls.crt", pair.certificate), ("tls.key", pair.key)):
        with open(path, encoding="ascii") as file:
            read[name] = file.read()
    tenant = "tenants: { acme: { keys: [9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08] } }\n"
    return {
        "my-node": {"node": "0123456789abcdef0123456789abcdef"},
        "my-admin": {"admin.token": "fedcba9876543210"},
        "my-redis": {"redis-url": "rediss://redis.example:6379"},
        "my-berth": {"berth.yaml": tenant},
        "my-certificate": read,
        "redis-authority": {"authority.pem": read["tls.crt"]},
    }


@pytest.mark.parametrize("name, template", PODS, ids=IDS)
def test_berth_accepts_it(name, template, folder, given):
    pod = ChartPod(release(name), template, folder, given, FACTS_IPV6 if name == "open" else FACTS)
    checked = pod.config("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "berth.yaml" in checked.stdout, "the file was not read"
    assert pod.unread() == set()


@pytest.fixture
def printed(folder, given):
    def printed(name, owner) -> str:
        (template,) = [pod for each, pod in PODS if each == name and pod["owner"]["metadata"]["name"] == owner]
        return ChartPod(release(name), template, folder, given).config("print").stdout

    return printed


def test_what_berth_understood(printed):
    tenants = printed("tenants", "demo-berth-gateway")
    for line in (
        "cap: 1000000",
        "maxQueue: 1000000",
        "policy: fair",
        "guarantee: 2",
        "maxPriority: 30s",
        "noWorkerWait: 90s",
        "parkedMax: 500",
    ):
        assert line in tenants, line
    kinds = printed("kinds", "demo-berth-worker-cdp")
    assert re.search(r"args: \['?--no-sandbox'?, '?--lang=de'?\]", kinds), kinds
    assert "maxAge: 24h" in kinds.replace("1d", "24h") and "caps: strict" in kinds
    assert "--no-sandbox" not in printed("kinds", "demo-berth-worker-sandboxed")
    assert "maxSessions: 1000000" in printed("kinds", "demo-berth-worker-playwright")
    keda = printed("keda", "demo-berth-gateway")
    assert re.search(r"scaleFromZero: \['?AppA:Chromium:eu'?\]", keda), keda
    assert re.search(
        r"scaleFromZero: \['?Browsers:Chromium'?\]  # BERTH_SCALE_FROM_ZERO",
        printed("existing-secrets", "demo-berth-gateway"),
    )
    assert "insecureOpen: true" in printed("open", "demo-berth-gateway")


def test_the_key_that_the_chart_makes(printed):
    key = release("default").secret("demo-berth-key")["key"]
    digest = hashlib.sha256(key.encode()).hexdigest()
    found = printed("default", "demo-berth-gateway")
    assert re.search(rf"^  default:\n(    .*\n)*    keys: \[\]  # 1: {digest[:8]}", found, re.MULTILINE), found


def test_a_file_that_berth_refuses_is_seen(folder):
    """The check above can fail."""
    (template,) = [pod for each, pod in PODS if each == "default" and component(pod) == "gateway"]
    pod = ChartPod(release("default"), template, folder)
    with open(pod.path("/etc/berth/config/berth.yaml"), "a", encoding="utf-8") as file:
        file.write("polcy: fair\n")
    checked = pod.config("check")
    assert checked.returncode == 1 and "policy" in checked.stdout + checked.stderr
