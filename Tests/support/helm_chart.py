"""The chart in charts/berth, rendered by Helm's own code (PyPI `helm-python-sdk`) from the archive that users get."""

import atexit
import base64
import functools
import glob
import os
import shutil
import tempfile

import helm_python
import yaml

from .fleet import ROOT

FOLDER = os.path.join(ROOT, "charts", "berth")
RELEASE, NAMESPACE = "demo", "ns"
SETS = sorted(os.path.basename(path)[: -len("-values.yaml")] for path in glob.glob(f"{FOLDER}/ci/*-values.yaml"))


def values_of(name: str) -> dict:
    with open(f"{FOLDER}/ci/{name}-values.yaml", encoding="utf-8") as file:
        return helm_python.values_from_yaml(file.read())


@functools.cache
def chart() -> helm_python.Chart:
    folder = tempfile.mkdtemp(prefix="berth-chart-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return helm_python.Chart.load(helm_python.package(FOLDER, destination=folder))


class Rendered:
    """The objects and notes of a release."""

    def __init__(self, values: dict, release=RELEASE):
        manifests = chart().render(values, name=release, namespace=NAMESPACE)
        self.notes = manifests.pop("berth/templates/NOTES.txt")
        self.objects = [found for text in manifests.values() for found in yaml.safe_load_all(text) if found]

    def of(self, *kinds) -> list[dict]:
        return [found for found in self.objects if found["kind"] in kinds]

    def one(self, kind: str, name: str) -> dict:
        found = [each for each in self.of(kind) if each["metadata"]["name"] == name]
        assert len(found) == 1, (
            f"{len(found)} {kind} {name}; there are {[each['metadata']['name'] for each in self.of(kind)]}"
        )
        return found[0]

    def secret(self, name: str) -> dict[str, str]:
        """The data of a Secret in plain text."""
        found = self.one("Secret", name)
        plain = {key: base64.b64decode(value).decode() for key, value in found.get("data", {}).items()}
        return plain | found.get("stringData", {})

    def pods(self) -> list[dict]:
        """Pod templates, and bare pods: `metadata` and `spec`, with `owner`, the object they come from."""
        found = [{**each["spec"]["template"], "owner": each} for each in self.of("Deployment", "StatefulSet")]
        return found + [{**each, "owner": each} for each in self.of("Pod")]


@functools.cache
def release(name: str) -> Rendered:
    """The release of one of the chart's value sets. Tests must not change it."""
    return Rendered(values_of(name))


def component(pod: dict) -> str:
    return pod["metadata"]["labels"]["app.kubernetes.io/component"]


def selects(selector: dict, labels: dict) -> bool:
    """Whether a LabelSelector without expressions matches."""
    assert not selector.get("matchExpressions"), selector
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def environment(container: dict) -> dict[str, dict]:
    return {each["name"]: each for each in container.get("env", [])}


def ports(pod: dict) -> dict[str, int]:
    """Named ports of a pod's containers."""
    named = (port for container in pod["spec"]["containers"] for port in container.get("ports", []))
    return {port["name"]: port["containerPort"] for port in named}
