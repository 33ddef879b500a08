"""The specs of some objects as they were reviewed: a change shows in the diff of Tests/Charts/golden.

BERTH_GOLDEN=write writes the files anew."""

import os

import pytest
import yaml

from support.helm_chart import release

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
# File: the value set, and the objects.
GOLDEN = {
    "gateway": (
        "default",
        ["Deployment demo-berth-gateway", "Service demo-berth-gateway", "Service demo-berth-gateway-admin"],
    ),
    "worker": ("default", ["Deployment demo-berth-worker-chromium", "PodDisruptionBudget demo-berth-worker-chromium"]),
    "redis": ("default", ["StatefulSet demo-berth-redis"]),
    "keda": ("keda", ["ScaledObject demo-berth-worker-chromium", "TriggerAuthentication demo-berth-admin"]),
    "hpa": ("hpa", ["HorizontalPodAutoscaler demo-berth-worker-chromium", "ServiceMonitor demo-berth-gateway"]),
    "policies": ("keda", [f"NetworkPolicy demo-berth-{part}" for part in ("gateway", "worker", "redis")]),
    "routes": ("ingress", ["Ingress demo-berth"]),
    "test": ("default", ["Pod demo-berth-test"]),
}  # fmt: skip


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name):
    values, objects = GOLDEN[name]
    specs = {each: release(values).one(*each.split())["spec"] for each in objects}
    text = yaml.safe_dump(specs, width=110)
    path = os.path.join(FOLDER, f"{name}.yaml")
    if os.environ.get("BERTH_GOLDEN") == "write":
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    with open(path, encoding="utf-8") as file:
        assert text == file.read()


def test_no_file_is_left_over():
    assert sorted(os.listdir(FOLDER)) == sorted(f"{name}.yaml" for name in GOLDEN)
