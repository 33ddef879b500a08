"""Services, routes, autoscalers, budgets, monitors and secrets of every value set."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from support.helm_chart import FOLDER, NAMESPACE, SETS, Rendered, component, ports, release, selects, values_of

each_set = pytest.mark.parametrize("name", SETS)


def prefix(name: str) -> str:
    """The first part of the names of a set's objects."""
    return {"httproute": "grid", "placement": "demo-grid"}.get(name, "demo-berth")


@each_set
def test_names_and_labels(name):
    found = [(each["kind"], each["metadata"]["name"]) for each in release(name).objects]
    assert len(found) == len(set(found))
    for each in release(name).objects:
        assert each["metadata"]["labels"]["app.kubernetes.io/instance"] == "demo"
        assert each["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
        assert "namespace" not in each["metadata"]


def test_long_names_fit():
    long = Rendered({"pools": {"a" * 20: {"label": "A", "slots": 1}}}, release="r" * 53)
    for each in long.objects:
        assert len(each["metadata"]["name"]) <= 63, each["metadata"]["name"]
        for value in each["metadata"]["labels"].values():
            assert len(value) <= 63


@each_set
def test_only_the_gateways_port_is_exposed(name):
    public = f"{prefix(name)}-gateway"
    services = {each["metadata"]["name"]: each["spec"] for each in release(name).of("Service")}
    for service, spec in services.items():
        assert service == public or spec.get("type", "ClusterIP") == "ClusterIP", service
        pods = [
            pod for pod in release(name).pods() if selects({"matchLabels": spec["selector"]}, pod["metadata"]["labels"])
        ]
        assert pods
        wanted = {
            public: "gateway",
            f"{public}-admin": "gateway",
            f"{prefix(name)}-redis": "redis",
            f"{prefix(name)}-worker-admin": "worker",
        }
        assert {component(pod) for pod in pods} == {wanted[service]}
        for pod in pods:
            assert {port["targetPort"] for port in spec["ports"]} <= set(ports(pod)), service
    assert [port["targetPort"] for port in services[public]["ports"]] == ["public"]
    port = services[public]["ports"][0]["port"]
    for ingress in release(name).of("Ingress"):
        for rule in ingress["spec"]["rules"]:
            assert [path["backend"] for path in rule["http"]["paths"]] == [
                {"service": {"name": public, "port": {"number": port}}}
            ]
    for route in release(name).of("HTTPRoute"):
        assert [rule["backendRefs"] for rule in route["spec"]["rules"]] == [[{"name": public, "port": port}]]


def test_the_service_of_a_load_balancer():
    spec = release("open").one("Service", "demo-berth-gateway")["spec"]
    assert (spec["type"], spec["externalTrafficPolicy"]) == ("LoadBalancer", "Local")
    assert spec["loadBalancerSourceRanges"] == ["192.0.2.0/24"]
    assert release("existing-secrets").one("Service", "demo-berth-gateway")["spec"]["ports"][0]["name"] == "https"


def test_the_route():
    """By hand, because there is no schema here: the fields of gateway.networking.k8s.io/v1."""
    route = release("httproute").one("HTTPRoute", "grid")
    assert route["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert set(route["spec"]) == {"parentRefs", "hostnames", "rules"}
    assert route["spec"]["parentRefs"] == [{"name": "public", "namespace": "gateways", "sectionName": "https"}]
    assert route["spec"]["hostnames"] == ["browsers.example"]
    (rule,) = route["spec"]["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
    # A client waits longer than a route's usual limit.
    assert rule["timeouts"] == {"request": "0s", "backendRequest": "0s"}
    assert release("httproute").one("Service", "grid-gateway")["spec"]["ports"][0]["appProtocol"] == "kubernetes.io/ws"


@each_set
def test_secrets_are_in_secrets_only(name):
    secrets = {
        value
        for each in release(name).of("Secret")
        for key, value in release(name).secret(each["metadata"]["name"]).items()
        if key != "berth.yaml"
    }  # fmt: skip
    assert secrets or name == "existing-secrets"
    others = repr([each for each in release(name).objects if each["kind"] != "Secret"]) + release(name).notes
    for secret in secrets:
        assert len(secret) >= 16 and secret not in others
    assert {each["metadata"]["name"] for each in release(name).of("ConfigMap")} <= {"demo-berth-dashboard"}


@each_set
def test_budgets(name):
    budgets = release(name).of("PodDisruptionBudget")
    for budget in budgets:
        chosen = [pod for pod in release(name).pods() if selects(budget["spec"]["selector"], pod["metadata"]["labels"])]
        assert [pod["owner"]["metadata"]["name"] for pod in chosen] == [budget["metadata"]["name"]]
    kept = {each["metadata"]["name"] for each in budgets}
    deployments = {each["metadata"]["name"] for each in release(name).of("Deployment")}
    assert kept == deployments - ({"demo-grid-gateway"} if name == "placement" else set())


@each_set
def test_what_is_scaled_has_no_number_of_its_own(name):
    scaled = {
        each["spec"]["scaleTargetRef"]["name"] for each in release(name).of("ScaledObject", "HorizontalPodAutoscaler")
    }
    for deployment in release(name).of("Deployment"):
        assert ("replicas" in deployment["spec"]) == (deployment["metadata"]["name"] not in scaled)
    assert scaled <= {each["metadata"]["name"] for each in release(name).of("Deployment")}


def test_keda_asks_the_gateways():
    keda = release("keda")
    wanted = {
        # A region is the label's last segment; a browser counts where the label names none.
        "demo-berth-worker-chromium": ("AppA:Chromium:eu", "4", 0),
        "demo-berth-worker-firefox": ("Mobile|firefox", "3", 1),
    }
    for target, (pool, slots, least) in wanted.items():
        spec = keda.one("ScaledObject", target)["spec"]
        assert spec["scaleTargetRef"] == {"name": target}
        assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (least, 50)
        (trigger,) = spec["triggers"]
        assert trigger["type"] == "metrics-api"
        assert (
            trigger["metadata"].items()
            >= {"valueLocation": "slotsWanted", "targetValue": slots, "authMode": "bearer"}.items()
        )
        url = urlsplit(trigger["metadata"]["url"])
        host, namespace, kind = url.hostname.split(".")
        assert (namespace, kind, url.scheme, url.path) == (NAMESPACE, "svc", "http", "/api/v1/scale")
        assert url.port in [port["port"] for port in keda.one("Service", host)["spec"]["ports"]]
        assert parse_qs(url.query, strict_parsing=True) == {"pool": [pool]}
        credentials = keda.one("TriggerAuthentication", trigger["authenticationRef"]["name"])["spec"]["secretTargetRef"]
        assert credentials == [{"parameter": "token", "name": "demo-berth-admin", "key": "token"}]
        assert keda.secret("demo-berth-admin")["token"]


def test_the_autoscaler_asks_for_the_label_that_the_monitor_adds():
    hpa = release("hpa")
    for each in hpa.of("HorizontalPodAutoscaler"):
        name = each["metadata"]["name"]
        if name == "demo-berth-gateway":
            continue
        (metric,) = each["spec"]["metrics"]
        assert metric["external"]["metric"] == {
            "name": "berth_slots_wanted",
            "selector": {"matchLabels": {"worker_pool": name}},
        }
        assert metric["external"]["target"] == {"type": "AverageValue", "averageValue": "3"}
        assert each["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 60
    rules = hpa.one("ServiceMonitor", "demo-berth-gateway")["spec"]["endpoints"][0]["metricRelabelings"]
    series = {
        "AppA:Chromium:Staging|chromium": "demo-berth-worker-chromium",
        "AppA:Chromium:Staging2|chromium": None,
        "App.B|firefox": "demo-berth-worker-mobile",
        "App.B|chromium": None,
        "AppxB|firefox": None,
    }
    for pool, target in series.items():
        matching = [rule for rule in rules if re.fullmatch(rule["regex"], f"berth_slots_wanted;{pool}")]
        assert [rule["replacement"] for rule in matching] == [target] * bool(target), pool
    assert {rule["targetLabel"] for rule in rules} == {"worker_pool"}
    assert {tuple(rule["sourceLabels"]) for rule in rules} == {("__name__", "pool")}


@each_set
def test_monitors_find_their_services(name):
    for monitor in release(name).of("ServiceMonitor"):
        services = [
            each
            for each in release(name).of("Service")
            if selects(monitor["spec"]["selector"], each["metadata"]["labels"])
        ]
        assert [each["metadata"]["name"] for each in services] == [f"{monitor['metadata']['name']}-admin"]
        (endpoint,) = monitor["spec"]["endpoints"]
        assert endpoint["port"] in [port["name"] for port in services[0]["spec"]["ports"]]
        credentials = endpoint["authorization"]["credentials"]
        assert release(name).secret(credentials["name"])[credentials["key"]]
        assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_redis_is_for_trials_and_goes_when_there_is_another():
    trial = release("default").one("StatefulSet", "demo-berth-redis")
    assert trial["spec"]["replicas"] == 1
    assert trial["spec"]["template"]["spec"]["containers"][0]["command"][:2] == [
        "redis-server",
        "/etc/redis/redis.conf",
    ]
    for name in ("external-redis", "existing-secrets"):
        assert not release(name).of("StatefulSet")
    assert release("external-redis").secret("demo-berth-redis") == {"url": values_of("external-redis")["redis"]["url"]}


def test_names_and_endpoints_are_served_once():
    strategies = {
        each["metadata"]["name"]: each["spec"]["strategy"]["type"] for each in release("kinds").of("Deployment")
    }
    assert {name for name, kind in strategies.items() if kind == "Recreate"} == {
        "demo-berth-worker-grid",
        "demo-berth-worker-boards",
    }


def test_rules_and_dashboard_are_those_of_the_files():
    with open(f"{FOLDER}/files/alerts.yaml", encoding="utf-8") as file:
        assert release("monitoring").one("PrometheusRule", "demo-berth")["spec"] == yaml.safe_load(file)
    with open(f"{FOLDER}/files/dashboard.json", encoding="utf-8") as file:
        assert (
            release("monitoring").one("ConfigMap", "demo-berth-dashboard")["data"]["berth.json"].strip()
            == file.read().strip()
        )
