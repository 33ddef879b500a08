"""What `helm install` tells: the exact address, and how to get the key."""

import pytest

from support.helm_chart import Rendered, SETS, release

ADDRESSES = {
    "default": "ws://demo-berth-gateway.ns.svc:8080/?token=$KEY",
    "tenants": "ws://demo-berth-gateway.ns.svc:8080/?token=<a tenant's key>",
    "external-redis": "ws://demo-berth-gateway.ns.svc:8080/?token=$KEY",
    "existing-secrets": "wss://$NODE:$PORT/?token=<a tenant's key>",
    "ingress": "wss://browsers.example/?token=$KEY",
    "httproute": "wss://browsers.example/?token=$KEY",
    "keda": "ws://demo-berth-gateway.ns.svc:8080/?token=$KEY",
    "hpa": "ws://demo-berth-gateway.ns.svc:8080/?token=$KEY",
    "kinds": "ws://demo-berth-gateway.ns.svc:8080/?token=$KEY",
    "placement": "ws://demo-grid-gateway.ns.svc:8080/?token=$KEY",
    "monitoring": "ws://demo-berth-gateway.ns.svc:8080/?token=$KEY",
    "open": "ws://$HOST:80/",
}


@pytest.mark.parametrize("name", SETS)
def test_the_address(name):
    notes = release(name).notes
    lines = [line.strip() for line in notes.splitlines()]
    addresses = [line for line in lines if line.startswith(("ws://", "wss://"))]
    local = "wss" if name == "existing-secrets" else "ws"
    key = ADDRESSES[name].partition("?")[1] + ADDRESSES[name].partition("?")[2]
    assert addresses == [ADDRESSES[name], f"{local}://127.0.0.1:8080/{key}"]
    # Each variable of an address has a line that sets it.
    for variable in ("KEY", "HOST", "NODE", "PORT"):
        assert any(line.startswith(f"{variable}=$(kubectl ") for line in lines) == (f"${variable}" in addresses[0])


@pytest.mark.parametrize("name", SETS)
def test_the_names_in_the_notes_exist(name):
    notes, found = release(name).notes, release(name)
    names = {each["metadata"]["name"] for each in found.of("Service", "Secret", "Deployment")} | {"my-admin"}
    words = notes.replace("deploy/", "service/").replace("secret ", "service/").replace("service ", "service/").split()
    named = [word.removeprefix("service/") for word in words if word.startswith("service/")]
    assert len(named) >= 4 and set(named) <= names


def test_without_tls_at_the_ingress():
    assert "\n  ws://a.example/?token=$KEY\n" in Rendered({"ingress": {"enabled": True, "hosts": ["a.example"]}}).notes
    route = {"enabled": True, "parentRefs": [{"name": "g"}], "hostnames": ["b.example"], "tls": False}
    assert "\n  ws://b.example/?token=$KEY\n" in Rendered({"httpRoute": route}).notes


def test_warnings():
    assert "WARNING: gateway.insecureOpen" in release("open").notes
    assert "WARNING" not in release("default").notes
    assert "Redis of this release is for trials" in release("default").notes
    assert "for trials" not in release("external-redis").notes
    assert "There is no pool" in Rendered({"pools": {"chromium": None}}).notes
