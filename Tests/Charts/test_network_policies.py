"""Who reaches whom, by a reading of the NetworkPolicies as Kubernetes defines them."""

import ipaddress
from dataclasses import dataclass, field

import pytest

from support.helm_chart import NAMESPACE, SETS, component, ports, release, selects

NAMESPACE_LABEL = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class End:
    """A pod, or with `address` alone something outside of the cluster."""

    labels: dict = field(default_factory=dict)
    namespace: str = NAMESPACE
    address: str = ""
    ports: dict = field(default_factory=dict)


def end_of(pod) -> End:
    return End(pod["metadata"]["labels"], NAMESPACE, "10.1.2.3", ports(pod))


def is_peer(peer: dict, end: End) -> bool:
    if block := peer.get("ipBlock"):
        address = ipaddress.ip_address(end.address)
        return address in ipaddress.ip_network(block["cidr"]) and not any(
            address in ipaddress.ip_network(hole) for hole in block.get("except", [])
        )
    if not end.labels:
        return False
    if "namespaceSelector" in peer:
        if not selects(peer["namespaceSelector"], {NAMESPACE_LABEL: end.namespace}):
            return False
    elif end.namespace != NAMESPACE:
        return False
    return selects(peer.get("podSelector", {}), end.labels)


def rule_allows(rule: dict, key: str, peer: End, target: End, port: int, protocol: str) -> bool:
    # An empty list is no list: everybody.
    if rule.get(key) and not any(is_peer(each, peer) for each in rule[key]):
        return False
    if not rule.get("ports"):
        return True
    for each in rule["ports"]:
        number = each["port"] if isinstance(each["port"], int) else target.ports.get(each["port"])
        if number == port and each.get("protocol", "TCP") == protocol:
            return True
    return False


def reaches(policies, source: End, target: End, port: int, protocol="TCP") -> bool:
    """As Kubernetes: a pod that policies of a direction select is closed but for what one of them allows."""
    for kind, key, owner, peer in (("Egress", "to", source, target), ("Ingress", "from", target, source)):
        if not owner.labels or owner.namespace != NAMESPACE:
            continue
        own = [each["spec"] for each in policies if selects(each["spec"]["podSelector"], owner.labels)]
        own = [spec for spec in own if kind in spec["policyTypes"]]
        rules = [rule for spec in own for rule in spec.get(kind.lower(), [])]
        if own and not any(rule_allows(rule, key, peer, target, port, protocol) for rule in rules):
            return False
    return True


class Fleet:
    def __init__(self, name):
        self.policies = release(name).of("NetworkPolicy")
        self.pods = {component(pod): end_of(pod) for pod in release(name).pods()}

    def reaches(self, source, target, port, protocol="TCP"):
        ends = [self.pods[each] if isinstance(each, str) else each for each in (source, target)]
        return reaches(self.policies, *ends, port, protocol)


STRANGER = End({"app": "shop"}, NAMESPACE, "10.1.9.9")
FOREIGN = End({"app": "other"}, "elsewhere", "10.2.9.9")
KEDA = End({"app": "keda-operator"}, "keda", "10.3.0.1")
INGRESS = End({"app": "nginx"}, "ingress", "10.4.0.1")
DNS = End({"k8s-app": "kube-dns"}, "kube-system", "10.5.0.10")
# The same labels in the same namespace, but another release.
OTHER_RELEASE = End(
    {
        "app.kubernetes.io/name": "berth",
        "app.kubernetes.io/instance": "other",
        "app.kubernetes.io/component": "gateway",
    },
    NAMESPACE,
    "10.1.7.7",
)
OUTSIDE = End(address="198.51.100.7")


def outside(address: str) -> End:
    return End(address=address)


@pytest.mark.parametrize("name", [name for name in SETS if name != "open"])
def test_workers_are_reached_by_gateways_only(name):
    fleet = Fleet(name)
    assert fleet.reaches("gateway", "worker", 3131)
    others = [STRANGER, FOREIGN, KEDA, OTHER_RELEASE, OUTSIDE, "worker", "test"]
    assert [each for each in others if fleet.reaches(each, "worker", 3131)] == []
    # Not even gateways reach another port.
    assert not fleet.reaches("gateway", "worker", 9222)


@pytest.mark.parametrize("name", [name for name in SETS if "redis" in Fleet(name).pods and name != "open"])
def test_redis_is_reached_by_gateways_and_workers_only(name):
    fleet = Fleet(name)
    assert fleet.reaches("gateway", "redis", 6379) and fleet.reaches("worker", "redis", 6379)
    others = [STRANGER, FOREIGN, KEDA, OTHER_RELEASE, OUTSIDE, "test", "redis"]
    assert [each for each in others if fleet.reaches(each, "redis", 6379)] == []
    assert not fleet.reaches("redis", OUTSIDE, 443)


def test_the_admin_ports():
    closed, opened = Fleet("default"), Fleet("keda")
    for target, port in (("gateway", 9090), ("worker", 9091)):
        for each in (STRANGER, FOREIGN, KEDA, OUTSIDE, "worker", "test"):
            assert not closed.reaches(each, target, port)
            assert opened.reaches(each, target, port) == (each is KEDA)


def test_clients():
    opened, closed = Fleet("default"), Fleet("ingress")
    for each in (STRANGER, FOREIGN, INGRESS, OUTSIDE, "test"):
        assert opened.reaches(each, "gateway", 8080)
        assert closed.reaches(each, "gateway", 8080) == (each is INGRESS or each == "test")


METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "168.63.129.16",
    "100.100.100.200",
    "fd00:ec2::254",
    "fd00:ec2::23",
]


@pytest.mark.parametrize("name", [name for name in SETS if name != "open"])
def test_browsers_do_not_reach_metadata(name):
    fleet = Fleet(name)
    for address in METADATA:
        for port in (80, 53, 443):
            assert not fleet.reaches("worker", outside(address), port), address
    for address in ("198.51.100.7", "2001:db8::1"):
        assert fleet.reaches("worker", outside(address), 443), address
    for protocol in ("UDP", "TCP"):
        assert fleet.reaches("worker", DNS, 53, protocol)
        assert fleet.reaches("worker", outside("169.254.20.10"), 53, protocol)
    assert not fleet.reaches("worker", outside("169.254.20.10"), 80)


def test_browsers_reach_the_cluster_unless_its_ranges_are_closed():
    opened, closed = Fleet("default"), Fleet("keda")
    shop = End({"app": "shop"}, NAMESPACE, "10.1.9.9")
    for port in (80, 443):
        assert opened.reaches("worker", shop, port)
        # workerEgress opens one port of the shop.
        assert closed.reaches("worker", shop, port) == (port == 443)
    for end in (FOREIGN, outside("10.9.9.9"), outside("fd00::9")):
        assert opened.reaches("worker", end, 443)
        assert not closed.reaches("worker", end, 443)
    # What a worker itself needs stays open.
    assert closed.reaches("worker", DNS, 53, "UDP") and closed.reaches("worker", "redis", 6379)
    assert closed.reaches("worker", OUTSIDE, 443)


def test_policies_select_the_pods_that_they_are_for():
    for name in SETS:
        fleet = Fleet(name)
        chosen = {
            each["metadata"]["name"].rsplit("-", 1)[1]: [
                part for part, pod in fleet.pods.items() if selects(each["spec"]["podSelector"], pod.labels)
            ]
            for each in fleet.policies
        }
        wanted = {part for part in fleet.pods if part != "test"} if name != "open" else set()
        assert chosen == {part: [part] for part in wanted}, name
