"""Pages for operators, block by block: networking, upgrading, configuration, and the environments of other grids."""

import hashlib
import os
import re
import shutil

import pytest
from support import guide, shown
from support.fleet import ROOT, Fleet, binary
from support.process import run

DOCUMENT = "docs/operate/networking.md"
CONFIGURATION = "docs/operate/configuration.md"
UPGRADING = "docs/operate/upgrading.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_each_step_prints_what_the_page_shows(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        worker = await fleet.worker({"AppA:x": 2})
        await fleet.grantable(2)
        admin = await gateway.wait_for("admin")
        environment = {
            "REDIS_URL": fleet.redis.url, "NODE_SECRET_FILE": fleet.secret, "BERTH_FLEET": "test",
            "GATEWAY": f"127.0.0.1:{gateway.port}", "WORKER": f"127.0.0.1:{worker.port}", "ADMIN": admin.get("address"),
        }
        shell = ["env", "--chdir", folder, f"PATH={guide_path(folder)}", "bash"]
        outputs = await guide.follow(DOCUMENT, folder, {None: shell}, env=environment)
        pages = shown.outputs(DOCUMENT)
        assert len(outputs) == len(pages) == 7
        for output, expected in zip(outputs, pages):
            assert shown.fits(output, expected), f"the page shows\n{expected}\nand the fleet says\n{output}"
        assert not shown.fits("no", "ok\n") and shown.fits("in 5 ms", "in … ms\n")


@pytest.mark.parametrize("page", ["playwright-distributed", "agenix"])
async def test_the_environment_of_another_grid_is_understood(folder, page):
    document = f"docs/migrate/{page}.md"
    shell = ["env", "--ignore-environment", "--chdir", folder, f"PATH={guide_path(folder)}", "bash"]
    (output,) = await guide.follow(document, folder, {None: shell})
    (expected,) = shown.outputs(document)
    assert shown.fits(output, expected), output


async def test_a_worker_is_replaced_as_the_page_says(folder):
    async with Fleet(folder) as fleet:
        await fleet.gateway()
        old = await fleet.worker({"AppA:x": 1})
        await fleet.worker({"AppA:x": 1})
        await fleet.grantable(2)
        environment = {"REDIS_URL": fleet.redis.url, "BERTH_FLEET": "test"}
        shell = ["env", "--chdir", folder, f"PATH={guide_path(folder)}", "bash"]
        _, workers = await guide.follow(UPGRADING, folder, {None: shell}, env=environment)
        assert await old.exit() == 0
        assert [re.sub(r"\.\w+", "", line) for line in workers.splitlines()] == ["w2 ok"], workers


async def test_the_configuration_is_checked_and_printed_as_the_page_shows(folder):
    path = os.path.join(folder, "berth.yaml")
    shell = ["env", "--chdir", folder, f"PATH={guide_path(folder)}", "bash", "-c"]
    check, printing = guide.blocks(CONFIGURATION)

    def write(text: str):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    write("gateway:\n  lisen: 0.0.0.0:8080\ndefaults: { cap: two }\n")
    wrong = await run("wrong", [*shell, check.text], folder)
    (expected,) = shown.outputs(CONFIGURATION)
    assert wrong.code == 1 and shown.fits(wrong.output, expected), wrong.output

    write(f"tenants: {{ acme: {{ keys: [{hashlib.sha256(b'key').hexdigest()}] }} }}\n")
    environment = {
        "REDIS_URL": "redis://u:p@h:6379", "NODE_SECRET": "0123456789abcdef", "BERTH_GATEWAY_LISTEN": "0.0.0.0:9000",
    }
    printed = await run("print", [*shell, printing.text], folder, env=environment)
    with open(os.path.join(ROOT, CONFIGURATION), encoding="utf-8") as file:
        (excerpt,) = re.findall(r"^```yaml\n(redis:\n.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
    lines = printed.output.splitlines()
    assert [line for line in excerpt.splitlines() if line not in lines] == []
    assert "0123456789abcdef" not in printed.output and ":p@" not in printed.output
    # What is printed is a configuration again. The secrets are not in it, so that it is no gateway's.
    write(printed.output)
    again = await run("again", [*shell, "berth config check"], folder)
    assert again.code == 0, again.output


def guide_path(folder: str) -> str:
    """A PATH with `berth`."""
    tools = os.path.join(folder, "bin")
    os.mkdir(tools)
    os.symlink(binary("berth"), os.path.join(tools, "berth"))
    return f"{tools}:{os.environ['PATH']}"
