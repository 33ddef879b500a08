"""What Helm asks of a cluster in a dry run, answered: the version, the kinds there are, and Secrets of a release.

No cluster is here. Helm's template function `lookup` and its knowledge of the cluster's version need an API server, so
this one answers those questions. It stores nothing."""

import http.server
import json
import re
import threading

import helm_python
import yaml

from .helm_chart import NAMESPACE, RELEASE, chart

KINDS = {
    "v1": ["ConfigMap", "Pod", "Secret", "Service", "ServiceAccount"],
    "apps/v1": ["Deployment", "StatefulSet"],
    "autoscaling/v2": ["HorizontalPodAutoscaler"],
    "gateway.networking.k8s.io/v1": ["HTTPRoute"],
    "keda.sh/v1alpha1": ["ScaledObject", "TriggerAuthentication"],
    "monitoring.coreos.com/v1": ["PrometheusRule", "ServiceMonitor"],
    "networking.k8s.io/v1": ["Ingress", "NetworkPolicy"],
    "policy/v1": ["PodDisruptionBudget"],
}


def plural(kind: str) -> str:
    name = kind.lower()
    return re.sub(r"y$", "ie", name) + ("es" if name.endswith("s") else "s")


def root(version: str) -> str:
    return f"api/{version}" if version == "v1" else f"apis/{version}"


def resources(version: str) -> dict:
    found = [
        {"name": plural(kind), "singularName": "", "namespaced": True, "kind": kind, "verbs": ["get"]}
        for kind in KINDS[version]
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": found}


def document(version: str) -> dict:
    """An OpenAPI document which says that the server itself validates fields, so that Helm asks for no schema."""
    group, _, number = version.rpartition("/")
    paths = {}
    for kind in KINDS[version]:
        patch = {
            "parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}],
            "x-kubernetes-group-version-kind": {"group": group, "version": number, "kind": kind},
        }
        paths[f"/{root(version)}/namespaces/{{namespace}}/{plural(kind)}/{{name}}"] = {"patch": patch}
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "1"}, "paths": paths}


def answers(kubernetes: str, secrets: dict[str, dict[str, str]]) -> dict:
    """By path. `secrets` is name → key → value in base64."""
    groups = []
    for version in KINDS:
        if version != "v1":
            one = {"groupVersion": version, "version": version.split("/")[1]}
            groups.append({"name": version.split("/")[0], "versions": [one], "preferredVersion": one})
    found = {
        "/version": {"major": "1", "minor": kubernetes.split(".")[1], "gitVersion": f"v{kubernetes}"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
        "/openapi/v3": {
            "paths": {root(version): {"serverRelativeURL": f"/openapi/v3/{root(version)}"} for version in KINDS}
        },
    }
    for version in KINDS:
        found[f"/{root(version)}"] = resources(version)
        found[f"/openapi/v3/{root(version)}"] = document(version)
    owner = {
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"meta.helm.sh/release-name": RELEASE, "meta.helm.sh/release-namespace": NAMESPACE},
    }
    for name, data in secrets.items():
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": NAMESPACE, **owner},
            "data": data,
        }
        found[f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}"] = body
    return found


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    table: dict


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes.
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self):
        found = self.server.table.get(self.path.split("?")[0])
        nothing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        body = json.dumps(found or nothing).encode()
        self.send_response(200 if found else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def dry_run(values: dict, kubernetes: str, secrets: dict | None = None) -> list[dict]:
    """The objects that `helm install --dry-run=server` shows on a cluster of that version, where these Secrets are."""
    server = Server(("127.0.0.1", 0), Answer)
    server.table = answers(kubernetes, secrets or {})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": NAMESPACE}}],
        "current-context": "x",
    }
    try:
        with helm_python.Config(
            kubeconfig_content=json.dumps(kubeconfig),
            namespace=NAMESPACE,
            storage_driver="memory",
            qps=1000.0,
            burst_limit=1000,
        ) as config:
            made = config.install(chart(), RELEASE, values, namespace=NAMESPACE, dry_run="server")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    return [found for found in yaml.safe_load_all(made["manifest"]) if found]
