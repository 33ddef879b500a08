"""Tenants' keys and secrets that change in a file of a running gateway."""

import hashlib
import os

from support import client
from support.fleet import Fleet, eventually, tenants_yaml


def config(*keys: str) -> str:
    return tenants_yaml({"acme": {"keys": [hashlib.sha256(key.encode()).hexdigest() for key in keys]}})


async def status(gateway, key: str) -> int:
    """The gateway's verdict on a key: 401, or 404 for a pool that nobody offers."""
    one = client.make("asker", gateway.port, path="/pool/nowhere", headers={"authorization": f"Bearer {key}"})
    await one.open()
    return (await one.answer()).status


async def known(gateway, key: str):
    async def is_known():
        return await status(gateway, key) == 404

    await eventually(is_known, 10, f"the key {key} counts")


def write(path: str, text: str):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


async def test_a_file_that_is_written_in_place_or_replaced_by_rename_counts(folder):
    async with Fleet(folder) as fleet:
        path = os.path.join(folder, "own.yaml")
        write(path, config("one"))
        gateway = await fleet.gateway(more=["--config", path])
        assert await status(gateway, "one") == 404 and await status(gateway, "two") == 401
        write(path, config("one", "two"))
        await known(gateway, "two")
        write(path + ".new", config("three"))
        os.replace(path + ".new", path)
        await known(gateway, "three")
        assert await status(gateway, "one") == 401


async def test_a_volume_whose_link_is_exchanged_counts(folder):
    """Kubernetes: berth.yaml -> ..data/berth.yaml, ..data -> a folder; a rename exchanges ..data."""
    async with Fleet(folder) as fleet:
        volume = os.path.join(folder, "volume")
        for name, key in [("..one", "one"), ("..two", "two")]:
            os.makedirs(os.path.join(volume, name))
            write(os.path.join(volume, name, "berth.yaml"), config(key))
        os.symlink("..one", os.path.join(volume, "..data"))
        os.symlink("..data/berth.yaml", os.path.join(volume, "berth.yaml"))
        gateway = await fleet.gateway(more=["--config", os.path.join(volume, "berth.yaml")])
        assert await status(gateway, "one") == 404
        os.symlink("..two", os.path.join(volume, "..data_tmp"))
        os.replace(os.path.join(volume, "..data_tmp"), os.path.join(volume, "..data"))
        await known(gateway, "two")
        assert await status(gateway, "one") == 401


async def test_a_file_that_cannot_be_used_changes_nothing_and_is_logged_once(folder):
    async with Fleet(folder) as fleet:
        path = os.path.join(folder, "own.yaml")
        write(path, config("one"))
        gateway = await fleet.gateway(more=["--config", path])
        # The first half of a file.
        write(path, config("one", "two")[:-20])
        line = await gateway.wait_for("reload", level="error")
        assert "own.yaml" in line.get("reason")
        assert await status(gateway, "one") == 404
        # The next change ends the wait for a second line: looks went on meanwhile.
        write(path, config("two"))
        await known(gateway, "two")
        assert len(gateway.events("reload", level="error")) == 1
        os.remove(path)
        gone = await gateway.wait_for("reload", after=gateway.mark(), level="error")
        assert "cannot be read" in gone.get("reason")
        assert await status(gateway, "two") == 404


async def test_a_node_secret_that_is_replaced_counts_and_another_setting_is_named(folder):
    async with Fleet(folder) as fleet:
        path = os.path.join(folder, "own.yaml")
        write(path, "gateway: { drainTimeout: 30s }\n")
        gateway = await fleet.gateway(more=["--config", path])
        # From here on the file is the gateway's alone.
        own, fleet.secret = fleet.secret, os.path.join(folder, "new-secret")
        write(fleet.secret, "f" * 32)
        await fleet.worker({"AppA:x": 1})
        await gateway.wait_for("probe", passed=False)
        write(own, "f" * 32)
        await fleet.grantable(1, timeout=40)
        one = await fleet.client("one").open()
        assert (await one.answer()).status == 101 and await one.echo()
        await one.finish()
        write(path, "gateway: { drainTimeout: 20s }\n")
        await gateway.wait_for("reload", needs_restart="gateway.drainTimeout")
