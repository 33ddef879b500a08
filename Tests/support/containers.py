"""Real containers of the images of `make images`: podman with crun, in namespaces of their own."""

import asyncio
import json
import os
import resource
import shutil

from .fleet import ROOT
from .process import Process, run

IMAGES = os.path.join(ROOT, ".build", "images", "storage")
PROGRAM = os.path.join(ROOT, ".build", "images", "program", "berth")
COMPOSE = os.path.join(ROOT, ".venv-images", "bin", "podman-compose")

# The limits of this process, because the runtime may not raise them where the capability is missing.
ENGINE = """[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
[network]
network_config_dir = "{folder}/networks"
[engine]
runtime = "crun"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{folder}/tmp"
"""
STORAGE = """[storage]
driver = "overlay"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
[storage.options]
additionalimagestores = ["{images}"]
"""
# Podman keeps state in /run, whatever its settings say. crun refuses a machine that has the cgroups of version 1 and
# those of version 2: hide the latter.
KEEPER = """ip link set lo up
mount -t tmpfs tmpfs /run
if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi
echo up
exec sleep infinity
"""


def objection() -> str | None:
    """Why no containers can run here; nil if they can."""
    if not os.environ.get("BERTH_LONG"):
        return "runs in make test-long: it needs make images"
    if os.geteuid() != 0:
        return "only root may make networks"
    if not os.path.isdir(IMAGES) or shutil.which("podman") is None:
        return "no images: make images"
    return None


class Engine:
    """Containers, networks and volumes of one test. All of them, and their processes, end with it."""

    def __init__(self, folder: str):
        self.folder = os.path.join(folder, "engine")
        self._count = 0

    async def __aenter__(self):
        os.makedirs(os.path.join(self.folder, "bin"))
        _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
        _, processes = resource.getrlimit(resource.RLIMIT_NPROC)
        self.environment = {
            "CONTAINERS_CONF": self.file("containers.conf", ENGINE, files=files, processes=processes),
            "CONTAINERS_STORAGE_CONF": self.file("storage.conf", STORAGE, images=IMAGES),
        }
        # With the first process of its own process numbers all others end, whatever podman left.
        argv = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-ec", KEEPER]
        self.keeper = await Process.start("keeper", argv, self.folder)
        await self.keeper.wait_for(where=lambda line: line.text == "up")
        own = f"/proc/{self.keeper.pid}/ns"
        self.inside = ["nsenter", f"--mount={own}/mnt", f"--net={own}/net", f"--pid={own}/pid_for_children"]
        return self

    async def __aexit__(self, *_):
        await self.podman("rm", "--all", "--force", "--depend", "--time", "0", check=False)
        await self.keeper.dispose()

    def programs(self, **scripts: str) -> str:
        """Scripts under these names; returns the PATH that finds them, as `env` takes it."""
        for name, text in scripts.items():
            path = os.path.join(self.folder, "bin", name)
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            os.chmod(path, 0o755)
        return f"PATH={self.folder}/bin:{os.environ['PATH']}"

    def file(self, name: str, text: str, **words) -> str:
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text.format(folder=self.folder, **words))
        return path

    async def run(self, *argv: str, timeout=60.0, check=True, cwd=None) -> str:
        """Runs a command beside the containers; returns its output."""
        self._count += 1
        name = f"{self._count}-{os.path.basename(argv[0])}"
        words = ["env", *(["--chdir", cwd] if cwd else []), *argv]
        process = await run(name, [*self.inside, *words], self.folder, env=self.environment, timeout=timeout)
        assert not check or process.code == 0, f"{argv} ended with {process.code}\n{process.output[-4_000:]}"
        return process.output

    async def podman(self, *arguments: str, **options) -> str:
        return await self.run("podman", *arguments, **options)

    async def inspect(self, container: str) -> dict:
        return json.loads(await self.standard_output("podman", "inspect", container))[0]

    async def standard_output(self, *argv: str) -> str:
        """The standard output alone: podman's warnings are on the other one."""
        child = await asyncio.create_subprocess_exec(
            *self.inside, *argv, env={**os.environ, **self.environment},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )
        out, _ = await child.communicate()
        assert child.returncode == 0, f"{argv} ended with {child.returncode}"
        return out.decode()
