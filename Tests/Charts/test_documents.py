"""The YAML in docs/operate/kubernetes.md: values that the chart takes, and objects that Kubernetes' schemas take."""

import os
import re

import yaml
from kubernetes_validate import utils

from support.chart_pod import ChartPod
from support.fleet import ROOT
from support.helm_chart import Rendered, component, selects

with open(os.path.join(ROOT, "docs", "operate", "kubernetes.md"), encoding="utf-8") as _file:
    TEXT = _file.read()
BLOCKS = [
    list(yaml.safe_load_all(block)) for block in re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
]
VALUES = [block[0] for block in BLOCKS if "kind" not in block[0] and "rules" not in block[0]]
(RECIPE,) = [block for block in BLOCKS if "kind" in block[0]]


def test_the_chart_takes_the_values():
    assert len(VALUES) >= 8
    for values in VALUES:
        assert Rendered(values).of("Deployment"), values


def test_the_adapters_rule_is_for_the_autoscalers_metric():
    (rule,) = [block[0]["rules"]["external"][0] for block in BLOCKS if "rules" in block[0]]
    values = {"pools": {"chromium": {"autoscaling": {"by": "hpa"}}}}
    metric = Rendered(values).one("HorizontalPodAutoscaler", "demo-berth-worker-chromium")["spec"]["metrics"][0][
        "external"
    ]["metric"]
    assert rule["name"]["as"] == metric["name"]
    (label,) = metric["selector"]["matchLabels"]
    assert label in rule["seriesQuery"] and f"by ({label})" in rule["metricsQuery"]


def test_workers_by_name():
    versions = utils.all_versions()
    for found in RECIPE:
        for version in (versions[0], versions[-1]):
            utils.validate(found, version, strict=True)
    service, workers = RECIPE
    template = workers["spec"]["template"]
    labels = template["metadata"]["labels"]
    assert selects(workers["spec"]["selector"], labels) and selects(
        {"matchLabels": service["spec"]["selector"]}, labels
    )
    assert workers["spec"]["serviceName"] == service["metadata"]["name"]
    assert service["spec"]["clusterIP"] == "None"

    # Beside a release: its secrets are there, its policies cover the pods, and its own pods are not selected.
    release = Rendered({"pools": {"chromium": None}}, release="berth")
    for policy in release.of("NetworkPolicy"):
        assert selects(policy["spec"]["podSelector"], labels) == policy["metadata"]["name"].endswith("-worker")
    for pod in release.pods():
        assert not selects(workers["spec"]["selector"], pod["metadata"]["labels"]), component(pod)


def test_a_named_worker_advertises_its_full_name(folder):
    workers = RECIPE[1]
    release = Rendered({"pools": {"chromium": None}}, release="berth")
    pod = ChartPod(release, workers["spec"]["template"], folder, facts={"metadata.name": "berth-named-0"})
    assert pod.environment["PRIVATE_HOSTNAME"] == "berth-named-0.berth-named.berth.svc.cluster.local"
    assert pod.environment["NODE_ID"] == "berth-named-0"
    assert pod.config("check").returncode == 0 and pod.unread() == set()
    assert workers["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 30 * 60 + 30
    for name, value in pod.environment.items():
        if name.endswith("_FILE"):
            assert os.path.getsize(value) > 16, name
