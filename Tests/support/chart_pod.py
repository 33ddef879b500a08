"""A pod of the chart on this machine: its files in a folder, its environment as the container has it."""

import os
import re
import subprocess

from .fleet import binary
from .helm_chart import Rendered, environment

# What Kubernetes fills in.
FACTS = {"metadata.name": "demo-berth-5d8f7c9b4-x2x7q", "status.podIP": "10.1.2.3"}
FACTS_IPV6 = {**FACTS, "status.podIP": "fd00::7"}

# Not settings: the file's own place, the folder of every program, what one variable hands to the next, a user's own.
NOT_SETTINGS = {"BERTH_CONFIG", "TMPDIR", "POD_IP", "POD_NAME", "TZ"}


class ChartPod:
    """`given`: the data of Secrets that are not the release's own, by name."""

    def __init__(self, release: Rendered, pod: dict, folder: str, given: dict | None = None, facts=None):
        self.folder = folder
        self.container = pod["spec"]["containers"][0]
        self._secrets = given or {}
        self._release = release
        self._group = pod["spec"]["securityContext"].get("fsGroup")
        self._volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        for mount in self.container["volumeMounts"]:
            self._mount(mount)
        self.environment = self._environment(facts or FACTS)

    def path(self, inside: str) -> str:
        return self.folder + inside

    @property
    def role(self) -> str:
        program, role = self.container["command"]
        assert program == "berth"
        return role

    def config(self, command: str) -> subprocess.CompletedProcess:
        """`berth config check` or `print`, as this pod's process would see it."""
        argv = [binary("berth"), "config", command, "--role", self.role]
        environment = {"PATH": os.environ["PATH"], **self.environment}
        return subprocess.run(argv, env=environment, cwd=self.folder, capture_output=True, text=True)

    def unread(self) -> set[str]:
        """Variables of the pod that are no setting's source, but for empty ones, which count as not set."""
        printed = self.config("print").stdout
        given = {name for name, value in self.environment.items() if value}
        return given - NOT_SETTINGS - set(re.findall(r"# ([A-Z_]+)", printed))

    def _data(self, secret: str) -> dict:
        return self._secrets.get(secret) or self._release.secret(secret)

    def _mount(self, mount):
        place = self.path(mount["mountPath"])
        os.makedirs(place, exist_ok=True)
        volume = self._volumes.get(mount["name"], {})
        for source in [volume, *volume.get("projected", {}).get("sources", [])]:
            if "secret" not in source:
                continue
            secret = source["secret"]
            data = self._data(secret.get("secretName") or secret["name"])
            items = secret.get("items") or [{"key": key, "path": key} for key in data]
            for item in items:
                with open(os.path.join(place, item["path"]), "w", encoding="utf-8") as file:
                    file.write(data[item["key"]])
                os.chmod(file.name, volume.get("secret", volume.get("projected"))["defaultMode"])
                if os.geteuid() == 0 and self._group:
                    os.chown(file.name, 0, self._group)

    def _environment(self, facts) -> dict[str, str]:
        found = {}
        for name, each in environment(self.container).items():
            source = each.get("valueFrom", {})
            if "fieldRef" in source:
                value = facts[source["fieldRef"]["fieldPath"]]
            elif "secretKeyRef" in source:
                value = self._data(source["secretKeyRef"]["name"])[source["secretKeyRef"]["key"]]
            else:
                value = re.sub(r"\$\((\w+)\)", lambda match: found[match[1]], each["value"])
            # Paths of the pod.
            found[name] = self.path(value) if value.startswith(("/etc/berth", "/var/lib/berth")) else value
        return found
