"""What every pod of every value set must have: rights, folders, probes, grace, and references that lead somewhere."""

import math
import re

import pytest

from support.helm_chart import SETS, Rendered, component, environment, ports, release, selects, values_of

ALL = [(name, pod) for name in SETS for pod in release(name).pods()]
IDS = [f"{name}-{component(pod)}-{pod['owner']['metadata']['name']}" for name, pod in ALL]
each_pod = pytest.mark.parametrize("name, pod", ALL, ids=IDS)
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
# Chromium's sockets are in the work folder (docs/operate/running.md).
WORK_FOLDER_BYTES_MAX = 37


def seconds(duration: str) -> float:
    if duration == "0":
        return 0
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", duration).groups()
    return int(number) * SECONDS[unit]


def container(pod) -> dict:
    assert len(pod["spec"]["containers"]) == 1
    return pod["spec"]["containers"][0]


@each_pod
def test_rights(name, pod):
    spec = pod["spec"]
    assert spec["automountServiceAccountToken"] is False
    # With a Service called redis, Kubernetes would set REDIS_PORT, which Berth reads.
    assert spec["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert spec["securityContext"]["runAsNonRoot"] is True
    if name == "open":
        assert spec["securityContext"]["seccompProfile"] == {"type": "Localhost", "localhostProfile": "chromium.json"}
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(spec["securityContext"])
    else:
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["securityContext"]["runAsUser"] > 0
    assert container(pod)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    # Those of the Pod Security Standard "restricted".
    kinds = {key for volume in spec.get("volumes", []) for key in volume if key != "name"}
    assert kinds <= {"configMap", "emptyDir", "projected", "secret"}
    assert not any("hostPort" in port for port in container(pod).get("ports", []))
    resources = container(pod)["resources"]
    assert "memory" in resources["requests"] and "memory" in resources["limits"]


@each_pod
def test_folders(name, pod):
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
    claims = [claim["metadata"]["name"] for claim in pod["owner"]["spec"].get("volumeClaimTemplates", [])]
    mounts = {mount["mountPath"]: mount for mount in container(pod).get("volumeMounts", [])}
    for path, mount in mounts.items():
        assert mount["name"] in volumes or mount["name"] in claims, path
        # A part of a Secret's volume is not renewed when the Secret changes.
        assert "subPath" not in mount
    assert {mount["name"] for mount in mounts.values()} == set(volumes) | set(claims)
    if component(pod) == "test":
        return
    assert volumes[mounts["/tmp"]["name"]]["emptyDir"] == {}
    for volume in volumes.values():
        if "secret" in volume or "projected" in volume:
            assert volume.get("secret", volume.get("projected"))["defaultMode"] == 0o440
    if component(pod) == "worker":
        work = environment(container(pod))["TMPDIR"]["value"]
        assert len(work) <= WORK_FOLDER_BYTES_MAX
        assert volumes[mounts[work]["name"]]["emptyDir"] == {}


def test_browsers_have_shared_memory_and_others_do_not():
    kinds = release("kinds")
    for pod in kinds.pods():
        if component(pod) != "worker":
            continue
        pool = pod["metadata"]["labels"]["berth/pool"]
        shared = [volume["emptyDir"] for volume in pod["spec"]["volumes"] if volume["name"] == "shm"]
        mounted = [mount["mountPath"] for mount in container(pod)["volumeMounts"] if mount["name"] == "shm"]
        if pool in ("grid", "boards", "licences"):
            assert (shared, mounted) == ([], []), pool
        else:
            assert (shared, mounted) == ([{"medium": "Memory", "sizeLimit": "1Gi"}], ["/dev/shm"]), pool


@each_pod
def test_grace(name, pod):
    if component(pod) not in ("gateway", "worker"):
        return
    drain = seconds(environment(container(pod))["BERTH_DRAIN_TIMEOUT"]["value"])
    grace = pod["spec"]["terminationGracePeriodSeconds"]
    assert grace == math.ceil(drain) + 30
    hook = container(pod).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    # A gateway that ends takes clients a moment longer; telling its last clients takes seconds.
    assert (hook > 0) == (component(pod) == "gateway")
    assert grace - hook - drain >= 10


def test_durations_are_computed():
    graces = {
        (name, component(pod), pod["spec"]["terminationGracePeriodSeconds"])
        for name, pod in ALL if component(pod) in ("gateway", "worker")
    }  # fmt: skip
    assert {
        ("default", "gateway", 1830),
        ("hpa", "gateway", 121),
        ("keda", "worker", 7230),
        ("kinds", "worker", 30),
    } <= graces


@each_pod
def test_probes(name, pod):
    if component(pod) not in ("gateway", "worker"):
        return
    named = ports(pod)
    wanted = {"gateway": {"public": 8080, "admin": 9090}, "worker": {"worker": 3131, "admin": 9091}}[component(pod)]
    assert named == wanted
    paths = {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    for probe, path in paths.items():
        assert container(pod)[probe]["httpGet"] == {"path": path, "port": "admin"}
    env = environment(container(pod))
    host = "[::]" if name == "open" else "0.0.0.0"
    assert env["BERTH_ADMIN_LISTEN"]["value"] == f"{host}:{named['admin']}"
    listen = {"gateway": "BERTH_GATEWAY_LISTEN", "worker": "BERTH_WORKER_LISTEN"}[component(pod)]
    assert env[listen]["value"] == f"{host}:{named.get('public') or named['worker']}"
    if component(pod) == "worker" and name != "open":
        assert env["PRIVATE_HOSTNAME"]["valueFrom"] == {"fieldRef": {"fieldPath": "status.podIP"}}


def referenced(pod) -> set[tuple[str, str]]:
    """Secrets that a pod reads, with the key."""
    found = set()
    for volume in pod["spec"].get("volumes", []):
        for source in [volume, *volume.get("projected", {}).get("sources", [])]:
            if "secret" in source:
                secret = source["secret"]
                items = secret.get("items") or [{"key": "tls.crt"}, {"key": "tls.key"}]
                found |= {(secret.get("secretName") or secret["name"], item["key"]) for item in items}
    for each in environment(container(pod)).values():
        if reference := each.get("valueFrom", {}).get("secretKeyRef"):
            found.add((reference["name"], reference["key"]))
    return found


@each_pod
def test_secrets_are_there(name, pod):
    given = {
        "existing-secrets": {("my-node", "node"), ("my-admin", "admin.token"), ("my-redis", "redis-url"),
                             ("my-berth", "berth.yaml"), ("my-certificate", "tls.crt"), ("my-certificate", "tls.key")},
        "external-redis": {("redis-authority", "authority.pem")},
    }  # fmt: skip
    made = {
        (secret["metadata"]["name"], key)
        for secret in release(name).of("Secret") for key in {**secret.get("data", {}), **secret.get("stringData", {})}
    }  # fmt: skip
    assert referenced(pod) <= made | given.get(name, set())
    accounts = [each["metadata"]["name"] for each in release(name).of("ServiceAccount")]
    assert pod["spec"]["serviceAccountName"] in accounts + ["runner"] * (name == "existing-secrets")


@each_pod
def test_labels_and_selectors(name, pod):
    owner = pod["owner"]
    if owner["kind"] == "Pod":
        return
    assert selects(owner["spec"]["selector"], pod["metadata"]["labels"])
    for other in release(name).pods():
        if other["owner"] is not owner:
            assert not selects(owner["spec"]["selector"], other["metadata"]["labels"])


def test_what_every_chart_is_asked_for():
    values, found = values_of("placement"), release("placement")
    for pod in found.pods():
        assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
        assert pod["metadata"]["labels"]["team"] == "web"
        assert pod["spec"]["serviceAccountName"] == "browsers"
        if component(pod) not in ("gateway", "worker"):
            assert pod["spec"]["tolerations"] and pod["spec"]["nodeSelector"]
            continue
        given = values["gateway"]
        spec, one = pod["spec"], container(pod)
        assert one["image"] == f"example.com/berth-{component(pod)}@{values['image']['digest']}"
        assert one["imagePullPolicy"] == "Always"
        for key in ("nodeSelector", "tolerations", "affinity", "priorityClassName"):
            assert spec[key] == given[key], key
        assert one["resources"] == given["resources"]
        spread = spec["topologySpreadConstraints"]
        assert selects(spread[0]["labelSelector"], pod["metadata"]["labels"])
        assert spread[0]["labelSelector"] == pod["owner"]["spec"]["selector"]
        assert spread[1]["labelSelector"] == {"matchLabels": {"team": "web"}}
        assert pod["metadata"]["annotations"].items() >= given["podAnnotations"].items()
        assert pod["metadata"]["labels"].items() >= given["podLabels"].items()
        assert given["extraEnv"][0] in one["env"]
        assert given["extraVolumes"][0] in spec["volumes"]
        assert given["extraVolumeMounts"][0] in one["volumeMounts"]


def test_a_pools_image():
    images = {pod["metadata"]["labels"].get("berth/pool"): container(pod)["image"] for pod in release("kinds").pods()}
    assert (images["cdp"], images["program"]) == ("browsers:0.1.0", "browsers:7")
    # The digest of another image is none of this one.
    values = {
        "image": {"digest": "sha256:" + "0" * 64},
        "pools": {"chromium": {"image": {"repository": "browsers", "tag": "7"}}},
    }
    images = {component(pod): container(pod)["image"] for pod in Rendered(values).pods()}
    assert (images["gateway"], images["worker"]) == ("berth-gateway@sha256:" + "0" * 64, "browsers:7")


def test_pod_labels_of_a_user_do_not_replace_those_that_select():
    values = {"gateway": {"podLabels": {"app.kubernetes.io/component": "mine"}}}
    gateway = Rendered(values).one("Deployment", "demo-berth-gateway")
    assert selects(gateway["spec"]["selector"], gateway["spec"]["template"]["metadata"]["labels"])
