"""Workers with real browsers, without what pods are denied: root, capabilities, a writable root, namespaces."""

import glob
import os
import subprocess

import pytest

from support import client
from support.chart_release import ChartRelease
from support.fleet import ROOT

DRIVERS = glob.glob(f"{ROOT}/.venv/lib/python3*/site-packages/playwright/driver")
# Another user may not reach the clone, for instance if it is in root's own folder.
DRIVER_INSIDE = "/mnt/driver"
# The pod's file systems, then its rights. /tmp stays read-only, because the test's own files are there.
CONFINED = """
set -e
mount --make-rprivate /
mount -o remount,bind,ro /
mount -t tmpfs -o mode=1777 work /mnt
mkdir "$2"
mount --bind "$1" "$2"
shift 2
mount -t tmpfs -o mode=1777,size=1g shm /dev/shm
exec python3 "$0" setpriv --reuid 10001 --regid 10001 --clear-groups \\
  --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"""
SECCOMP = os.path.join(ROOT, "Tests", "support", "container_seccomp.py")
INSIDE = ["unshare", "--mount", "sh", "-c", CONFINED, SECCOMP, *DRIVERS[:1], DRIVER_INSIDE]


def reason_not_to_run() -> str:
    if not DRIVERS:
        return "needs Playwright's driver: scripts/setup run python"
    can = subprocess.run([*INSIDE, "true"], capture_output=True, text=True)
    return "" if can.returncode == 0 else f"needs root and mount namespaces: {can.stderr.strip()}"


pytestmark = pytest.mark.skipif(bool(reason_not_to_run()), reason=reason_not_to_run())


@pytest.mark.parametrize(
    "sidecar, path, headers",
    [
        ({"kind": "chromium"}, "/cdp", {}),
        ({"kind": "playwright", "executable": "/usr/bin/chromium"}, "/", {"x-playwright-browser": "chromium"}),
    ],
    ids=["chromium", "playwright"],
)
async def test_a_browser_starts(sidecar, path, headers, folder):
    os.chmod(folder, 0o711)
    pools = {"chromium": {"label": "Browsers:Chromium", "slots": 1, "sidecar": {"warm": 0, **sidecar}}}
    async with ChartRelease(folder, {"pools": pools}) as release:
        await release.redis()
        gateway = await release.berth("gateway", inside=INSIDE)
        worker = await release.berth("worker", inside=INSIDE, TMPDIR="/mnt", BERTH_PLAYWRIGHT_DRIVER=DRIVER_INSIDE)
        with open(f"/proc/{worker.pid}/status", encoding="ascii") as file:
            status = {name: value.split() for name, _, value in (line.partition(":") for line in file)}
        assert (status["Uid"], status["NoNewPrivs"]) == (["10001"] * 4, ["1"])
        assert int(status["CapBnd"][0], 16) == 0
        key = release.rendered.secret("demo-berth-key")["key"]
        user = client.make("user", gateway.port, path=f"{path}?token={key}", headers=headers)
        await user.open()
        # 101 comes from the browser's own server.
        assert (await user.answer(30)).status == 101, worker.tail()
        await user.finish()


async def test_chromiums_own_sandbox_needs_more(folder):
    """Why the chart adds --no-sandbox: without it no browser starts in such a pod."""
    os.chmod(folder, 0o711)
    pool = {
        "label": "Browsers:Chromium",
        "slots": 1,
        "chromiumSandbox": True,
        "sidecar": {"kind": "chromium", "warm": 0},
    }
    async with ChartRelease(folder, {"pools": {"chromium": pool}}) as release:
        await release.redis()
        # The chart replaces the flag that the image has.
        worker = await release.berth("worker", inside=INSIDE, image={"CHROMIUM_ARGS": "--no-sandbox"}, TMPDIR="/mnt")
        await worker.wait_for("sidecar", timeout=30, where=lambda line: "sandbox" in line.text)
