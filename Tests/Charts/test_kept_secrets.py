"""Secrets that the chart makes, on a cluster that has some of them: made once, and kept by later upgrades."""

import base64

import pytest

from support.helm_chart import Rendered
from support.kube_api import dry_run

KUBERNETES = "1.34.0"
MADE = {
    "demo-berth-node": "secret",
    "demo-berth-admin": "token",
    "demo-berth-redis": "password",
    "demo-berth-key": "key",
}


class Release(Rendered):
    def __init__(self, objects):
        self.objects = objects


def secrets(values=None, there=None) -> dict[str, str]:
    found = Release(dry_run(values or {}, KUBERNETES, there))
    return {name: found.secret(name)[key] for name, key in MADE.items()}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_made_where_there_is_none():
    first, second = secrets(), secrets()
    for name in MADE:
        # 43 letters and digits: 256 bits.
        assert len(first[name]) == 43 and first[name].isalnum()
        assert first[name] != second[name]
    assert len(set(first.values())) == 4


@pytest.mark.parametrize("kept", MADE)
def test_kept(kept):
    there = {kept: {MADE[kept]: encoded("kept-as-it-is"), "other": encoded("x")}}
    found = secrets(there=there)
    assert {name for name, value in found.items() if value == "kept-as-it-is"} == {kept}


def test_what_follows_from_a_kept_secret():
    there = {name: {key: encoded(f"kept-{key}")} for name, key in MADE.items()}
    first, second = (dry_run({}, KUBERNETES, there) for _ in range(2))
    # An upgrade that changes nothing restarts nothing.
    assert first == second
    redis = Release(first).secret("demo-berth-redis")
    assert redis["url"] == "redis://default:kept-password@demo-berth-redis:6379"
    assert "\nrequirepass kept-password\n" in "\n" + redis["redis.conf"] + "\n"


def test_a_key_of_another_name():
    there = {"demo-berth-node": {"node": encoded("kept-as-it-is"), "secret": encoded("not this one")}}
    found = Release(dry_run({"nodeSecret": {"key": "node"}}, KUBERNETES, there))
    assert found.secret("demo-berth-node") == {"node": "kept-as-it-is"}


@pytest.mark.parametrize("kubernetes, hook", [("1.29.9", "exec"), ("1.30.0", "sleep")])
def test_the_pause_before_the_end(kubernetes, hook):
    """Kubernetes itself can pause from 1.30 on."""
    gateway = Release(dry_run({}, kubernetes)).one("Deployment", "demo-berth-gateway")
    found = gateway["spec"]["template"]["spec"]["containers"][0]["lifecycle"]["preStop"]
    assert found == {"exec": {"exec": {"command": ["sleep", "5"]}}, "sleep": {"sleep": {"seconds": 5}}}[hook]
