"""Helm's lint, the archive, and what values.yaml, its schema and Berth's own documents say about the same keys."""

import json
import os
import re
import subprocess
import tarfile

import helm_python
import pytest
import yaml

from support.fleet import ROOT, binary
from support.helm_chart import FOLDER, SETS, values_of

with open(f"{FOLDER}/values.schema.json", encoding="utf-8") as file:
    SCHEMA = json.load(file)
with open(f"{FOLDER}/values.yaml", encoding="utf-8") as file:
    VALUES = yaml.safe_load(file)


def at(reference: str) -> dict:
    schema = SCHEMA
    for part in reference.removeprefix("#/").split("/"):
        schema = schema[part]
    return schema


def resolved(schema: dict) -> dict:
    """A schema with its references followed."""
    while "$ref" in schema or "allOf" in schema:
        schema = at(schema.get("$ref") or schema["allOf"][0]["$ref"])
    return schema


def objects(schema: dict, place="values"):
    """Every object of the schema that has named keys: its place and its schema."""
    schema = resolved(schema)
    if "properties" in schema:
        yield place, schema
        for key, inner in schema["properties"].items():
            yield from objects(inner, f"{place}.{key}")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from objects(schema["additionalProperties"], f"{place}.*")
    if "items" in schema:
        yield from objects(schema["items"], f"{place}[]")


@pytest.mark.parametrize("name", SETS)
def test_strict_lint(name):
    report = helm_python.lint(FOLDER, values_of(name), strict=True, namespace="ns")
    assert report["errors"] == []
    # 1 is information: no icon.
    assert [message for message in report["messages"] if message["severity"] != 1] == []


def test_there_are_ten_sets_and_each_says_what_it_is():
    assert len(SETS) >= 10
    for name in SETS:
        with open(f"{FOLDER}/ci/{name}-values.yaml", encoding="utf-8") as file:
            assert file.readline().startswith("# "), name


def test_the_version_is_that_of_berth():
    with open(f"{FOLDER}/Chart.yaml", encoding="utf-8") as file:
        version = yaml.safe_load(file)["appVersion"]
    assert subprocess.check_output([binary("berth"), "--version"], text=True).strip() == version


def test_the_archive_has_what_is_used(folder):
    with tarfile.open(helm_python.package(FOLDER, destination=folder)) as archive:
        names = [name.removeprefix("berth/") for name in archive.getnames()]
    assert {"Chart.yaml", "values.yaml", "values.schema.json", "README.md", "templates/NOTES.txt"} <= set(names)
    assert {"files/alerts.yaml", "files/dashboard.json"} <= set(names)
    assert [name for name in names if name.startswith("ci/")] == []


def test_the_schema_is_closed_and_described():
    # Kubernetes' own forms: the API server checks them.
    open_forms = re.compile(r"(extraVolumes\[\])$")
    found = dict(objects(SCHEMA))
    assert len(found) > 60
    for place, schema in found.items():
        if open_forms.search(place):
            continue
        assert schema.get("additionalProperties") is False, f"{place} accepts unknown keys"
        for key, inner in schema["properties"].items():
            while "description" not in inner and "$ref" in inner:
                inner = at(inner["$ref"])
            assert inner.get("description"), f"{place}.{key} has no description"


def test_each_value_is_in_the_schema_and_each_key_of_the_schema_has_a_default():
    def compare(place, values, schema):
        schema = resolved(schema)
        if "properties" not in schema or not isinstance(values, dict):
            return
        assert set(values) <= set(schema["properties"]), place
        missing = set(schema["properties"]) - set(values) - {"global"}
        assert not missing or place in optional, f"values.yaml has no {place}: {sorted(missing)}"
        for key, value in values.items():
            compare(f"{place}.{key}", value, schema["properties"][key])

    # Maps without defaults of their own.
    optional = (
        {"values.defaults", "values.worker.image"}
        | {
            f"values.{part}.{field}"
            for part in ("gateway", "worker", "redis.trial", "security")
            for field in ("affinity", "resources", "seccompProfile")
        }
        | {"values.redis.trial.image", "values.test.image"}
    )
    compare("values", VALUES, SCHEMA)


def test_a_pool_has_every_key_of_worker():
    pool = SCHEMA["properties"]["pools"]["additionalProperties"]["properties"]
    assert set(pool) == set(SCHEMA["properties"]["worker"]["properties"]) | {"label", "slots", "sidecar"}


def documented(title: str) -> set[str]:
    """The keys in the first table below a heading of the settings' reference."""
    with open(os.path.join(ROOT, "docs", "reference", "settings.md"), encoding="utf-8") as file:
        part = file.read().split(f"\n## {title}\n")[1].split("\n## ")[0]
    found = set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE))
    assert len(found) > 5
    return found


def test_pools_and_tenants_have_the_keys_of_berth():
    properties = SCHEMA["properties"]
    sidecar = properties["pools"]["additionalProperties"]["properties"]["sidecar"]["properties"]
    assert set(sidecar) | {"slots"} == documented("Pools")
    tenant = properties["tenants"]["additionalProperties"]["properties"]
    assert set(tenant) == documented("Tenants")
    assert set(properties["defaults"]["properties"]) == documented("Tenants") - {"label", "keys"}
