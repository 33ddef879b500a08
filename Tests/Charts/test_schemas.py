"""Every object of every value set against the schemas of Kubernetes, KEDA and the Prometheus operator."""

import functools

import pytest
from cloudcoil.models.keda import v1alpha1 as keda
from cloudcoil.models.prometheus_operator import v1 as operator
from kubernetes_validate import utils

from support.helm_chart import SETS, release, values_of
from support.kube_api import dry_run

VERSIONS = utils.all_versions()
OLDEST, NEWEST = VERSIONS[0], VERSIONS[-1]
MODELS = {
    "ScaledObject": keda.ScaledObject,
    "TriggerAuthentication": keda.TriggerAuthentication,
    "ServiceMonitor": operator.ServiceMonitor,
    "PrometheusRule": operator.PrometheusRule,
}
# No schema of the Gateway API is on PyPI: test_objects.py looks at the HTTPRoute.
UNKNOWN = {"HTTPRoute"}
# The definitions of a version are 2 MB, and the package reads them for each object.
utils.schema_contents = functools.cache(utils.schema_contents)


def check(objects, version):
    for found in objects:
        if found["kind"] not in MODELS.keys() | UNKNOWN:
            utils.validate(found, version, strict=True)
    return len(objects)


@pytest.mark.parametrize("name", SETS)
def test_kubernetes_newest(name):
    assert check(release(name).objects, NEWEST) > 10


@pytest.mark.parametrize("name", SETS)
def test_kubernetes_oldest(name):
    """Helm asks the cluster for its version, so a server of that version answers."""
    assert check(dry_run(values_of(name), OLDEST), OLDEST) > 10


@pytest.mark.parametrize("name", SETS)
def test_keda_and_the_prometheus_operator(name):
    for found in release(name).of(*MODELS):
        model = MODELS[found["kind"]].model_validate(found)
        # The models drop keys that they do not know.
        assert model.model_dump(mode="json", by_alias=True, exclude_unset=True) == found


def test_each_kind_is_in_some_set():
    kinds = {found["kind"] for name in SETS for found in release(name).objects}
    assert kinds == MODELS.keys() | UNKNOWN | {
        "ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Ingress", "NetworkPolicy", "Pod", "PodDisruptionBudget",
        "Secret", "Service", "ServiceAccount", "StatefulSet",
    }  # fmt: skip
