"""Dockerfile, compose.yaml and the units of systemd agree with the settings and with each other."""

import os
import re
import subprocess

import pytest
import yaml
from support import guide
from support.fleet import ROOT, binary

TOOLS = os.path.join(ROOT, ".venv", "bin")
UNITS = ("gateway", "worker")
# systemd's exposure of a unit: 0 is none, 10 the worst.
EXPOSURE_MAX = {"gateway": 1.3, "worker": 2.3}
# Between the end of the drain and the supervisor's SIGKILL.
SPARE_SECONDS = 30


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def output_of(*argv):
    tried = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stdout + tried.stderr
    return tried.stdout + tried.stderr


def variables():
    """Every variable in the table of the settings, and that of the file."""
    table = read("docs/reference/settings.md").split("<!-- settings -->")[1].split("<!-- end of settings -->")[0]
    columns = [row.split("|")[3] for row in table.splitlines() if row.startswith("| `")]
    found = {name for column in columns for name in re.findall(r"`([A-Z_]+)`", column)}
    return found | {"BERTH_CONFIG"}


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(s|m)", text).groups()
    return int(number) * {"s": 1, "m": 60}[unit]


def environment_file(unit):
    lines = [line for line in read(f"deploy/systemd/{unit}.env").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("path", ["Dockerfile", "Tests/support/images/Dockerfile"])
def test_hadolint_finds_nothing(path):
    assert output_of(os.path.join(TOOLS, "hadolint"), path) == ""


def test_compose_fits_its_schema():
    output_of(os.path.join(TOOLS, "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "compose.yaml")


def test_compose_and_images_name_settings_that_exist():
    services = yaml.safe_load(read("compose.yaml"))["services"]
    named = {name for service in services.values() for name in service.get("environment", {})}
    for line in re.findall(r"^ENV ((?:.*\\\n)*.*)", read("Dockerfile"), re.MULTILINE):
        named |= set(re.findall(r"(\w+)=", line))
    assert len(named) >= 6
    assert named <= variables()


def test_compose_publishes_the_gateway_on_loopback_and_nothing_else():
    services = yaml.safe_load(read("compose.yaml"))["services"]
    assert {name: service["ports"] for name, service in services.items() if "ports" in service} == {
        "gateway": ["127.0.0.1:8080:8080"]
    }


@pytest.mark.parametrize("name", ["redis", *UNITS])
def test_a_service_is_confined_watched_and_started_again(name):
    document = yaml.safe_load(read("compose.yaml"))
    service = document["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"]
    assert set(service["secrets"]) <= set(document["secrets"])
    assert all(list(secret) == ["file"] for secret in document["secrets"].values())


@pytest.mark.parametrize("name", UNITS)
def test_a_supervisor_waits_for_the_drain(name):
    service = yaml.safe_load(read("compose.yaml"))["services"][name]
    drain = seconds(service["environment"]["BERTH_DRAIN_TIMEOUT"])
    assert seconds(service["stop_grace_period"]) >= drain + SPARE_SECONDS
    drain = seconds(environment_file(name)["BERTH_DRAIN_TIMEOUT"])
    stop = int(re.search(r"^TimeoutStopSec=(\d+)$", read(f"deploy/systemd/berth-{name}.service"), re.MULTILINE)[1])
    assert stop >= drain + SPARE_SECONDS


def test_workers_have_shared_memory_and_no_name_that_two_would_share():
    worker = yaml.safe_load(read("compose.yaml"))["services"]["worker"]
    assert worker["shm_size"] == "1gb"
    assert not {"container_name", "hostname", "ports"} & set(worker)
    assert "PRIVATE_HOSTNAME" not in worker["environment"] and "NODE_ID" not in worker["environment"]


@pytest.mark.parametrize("name", UNITS)
def test_a_units_settings_exist(name):
    assert set(environment_file(name)) <= variables()


@pytest.mark.parametrize("name", UNITS)
def test_systemd_accepts_a_unit_and_finds_it_confined(folder, name):
    """With the program that is tested, because systemd looks for the one that a unit names."""
    text = read(f"deploy/systemd/berth-{name}.service").replace("/usr/local/bin/berth", binary("berth"))
    path = os.path.join(folder, f"berth-{name}.service")
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    assert output_of("systemd-analyze", "verify", path) == ""
    assessed = output_of("systemd-analyze", "security", "--offline=true", "--no-pager", path)
    exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", assessed)[1])
    assert exposure <= EXPOSURE_MAX[name], assessed


@pytest.mark.parametrize("document, count", [("docs/operate/compose.md", 4), ("docs/operate/bare-metal.md", 8)])
def test_a_guides_blocks_are_shell(document, count):
    found = guide.blocks(document)
    assert len(found) == count
    for block in found:
        tried = subprocess.run(["bash", "-n", "-c", block.text], capture_output=True, text=True, check=False)
        assert tried.returncode == 0, f"{document}:{block.line}: {tried.stderr}"
