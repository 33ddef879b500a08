"""What `make images` made: who runs in the images, what they hold, and what the lists beside them name."""

import json
import os

import pytest
from support import containers
from support.fleet import ROOT

pytestmark = pytest.mark.skipif(containers.objection() is not None, reason=str(containers.objection()))
IMAGES = {"gateway": {"8080/tcp"}, "worker": {"3131/tcp"}}


@pytest.mark.parametrize("name", IMAGES)
async def test_an_image_starts_its_command_as_a_plain_user(folder, name):
    async with containers.Engine(folder) as engine:
        image = await engine.inspect(f"localhost/berth-{name}")
        settings = image["Config"]
        assert settings["User"] == "10001:10001"
        assert settings["Entrypoint"] + settings["Cmd"] == ["berth", name]
        assert set(settings["ExposedPorts"]) == IMAGES[name]
        assert image["Healthcheck"]["Test"] == ["CMD", "berth", "health"]
        confined = ("run", "--rm", "--read-only", "--network", "none")
        output = await engine.podman(*confined, f"localhost/berth-{name}", "--help")
        assert "USAGE: berth" in output, output
        look = "command -v python3 pip npm gcc || true"
        arguments = (*confined, "--entrypoint", "sh", f"localhost/berth-{name}", "-c", look)
        assert await engine.standard_output("podman", *arguments) == ""


@pytest.mark.parametrize(
    "name, wanted", [("gateway", {"libssl3"}), ("worker", {"libssl3", "chromium", "playwright-core"})]
)
def test_a_list_of_contents_names_what_matters(name, wanted):
    with open(os.path.join(ROOT, ".build", "images", f"{name}.cdx.json"), encoding="utf-8") as file:
        listed = json.load(file)
    assert listed["bomFormat"] == "CycloneDX"
    assert wanted <= {component["name"] for component in listed["components"]}
