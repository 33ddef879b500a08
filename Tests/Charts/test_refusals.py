"""Values that the chart refuses, each by the name of the value to change."""

import helm_python
import pytest

from support.helm_chart import Rendered

KEDA = {"by": "keda"}
MONITORING = [{"namespaceSelector": {}}]


def pool(**keys):
    return {"pools": {"chromium": keys}}


REFUSED = [
    # Unknown keys, at each depth.
    ({"gatway": {}}, "gatway"),
    ({"gateway": {"replica": 2}}, "replica"),
    ({"gateway": {"service": {"ports": []}}}, "ports"),
    ({"worker": {"warm": 1}}, "warm"),
    (pool(replica=2), "replica"),
    (pool(sidecar={"kinds": "playwright"}), "kinds"),
    ({"networkPolicy": {"monitoringFrom": []}}, "monitoringFrom"),
    ({"monitoring": {"podMonitor": {}}}, "podMonitor"),
    ({"redis": {"trial": {"replicas": 3}}}, "replicas"),
    ({"tenants": {"acme": {"limit": 3}}}, "limit"),
    ({"gateway": {"tolerations": [{"keys": "x"}]}}, "keys"),
    ({"gateway": {"extraEnv": [{"name": "TZ", "values": "UTC"}]}}, "values"),
    # Forms.
    ({"logLevel": "verbose"}, "/logLevel"),
    ({"policy": "lifo"}, "/policy"),
    ({"fleet": "my fleet"}, "/fleet"),
    ({"gateway": {"replicas": "2"}}, "/gateway/replicas"),
    ({"gateway": {"replicas": -1}}, "/gateway/replicas"),
    ({"gateway": {"drainTimeout": "1h30m"}}, "/gateway/drainTimeout"),
    ({"gateway": {"drainTimeout": 30}}, "/gateway/drainTimeout"),
    ({"gateway": {"preStopSeconds": 30}}, "/gateway/preStopSeconds"),
    ({"gateway": {"origins": ["app.example"]}}, "/gateway/origins/0"),
    ({"gateway": {"trustedProxies": ["ingress"]}}, "/gateway/trustedProxies/0"),
    ({"gateway": {"service": {"type": "ExternalName"}}}, "/gateway/service/type"),
    ({"gateway": {"service": {"port": 70000}}}, "/gateway/service/port"),
    ({"gateway": {"podLabels": {"tier": 1}}}, "/gateway/podLabels/tier"),
    ({"gateway": {"extraVolumes": [{"name": "secrets"}]}}, "/gateway/extraVolumes/0"),
    ({"gateway": {"pdb": {"maxUnavailable": "half"}}}, "/gateway/pdb/maxUnavailable"),
    ({"security": {"runAsUser": 0}}, "/security/runAsUser"),
    ({"security": {"seccompProfile": {"type": "Unconfined"}}}, "/security/seccompProfile/type"),
    ({"image": {"digest": "latest"}}, "/image/digest"),
    ({"redis": {"url": "redis.example:6379"}}, "/redis/url"),
    ({"redis": {"trial": {"maxmemory": "256Mi"}}}, "/redis/trial/maxmemory"),
    ({"tenants": {"acme": {"keys": ["hunter2"]}}}, "/tenants/acme/keys/0"),
    ({"tenants": {"the acme": {}}}, "the acme"),
    ({"worker": {"memoryReserve": "512Mi"}}, "/worker/memoryReserve"),
    ({"worker": {"shmSize": "1GB"}}, "/worker/shmSize"),
    ({"worker": {"autoscaling": {"by": "cpu"}}}, "/worker/autoscaling/by"),
    (pool(label="AppA::Chromium"), "/pools/chromium/label"),
    (pool(slots=0), "/pools/chromium/slots"),
    (pool(sidecar={"kind": "selenium"}), "/pools/chromium/sidecar/kind"),
    (pool(sidecar={"browser": "edge"}), "/pools/chromium/sidecar/browser"),
    (pool(sidecar={"maxAge": "1 hour"}), "/pools/chromium/sidecar/maxAge"),
    ({"pools": {"Chromium": {"label": "A", "slots": 1}}}, "Chromium"),
    ({"pools": {"a-name-of-more-than-20": {"label": "A", "slots": 1}}}, "a-name-of-more-than-20"),
    ({"pools": {"firefox": {"slots": 1}}}, "label"),
    ({"networkPolicy": {"clusterRanges": ["10.0.0.0"]}}, "/networkPolicy/clusterRanges/0"),
    ({"networkPolicy": {"adminFrom": [{}]}}, "/networkPolicy/adminFrom/0"),
    ({"ingress": {"enabled": True}}, "/ingress/hosts"),
    ({"httpRoute": {"enabled": True}}, "/httpRoute/parentRefs"),
    # What only the templates see.
    ({"redis": {"url": "redis://a", "existingSecret": "b"}}, "redis.url:"),
    ({"tenants": {"acme": {"cap": 3}}}, "tenants: no tenant has a key"),
    ({"config": {"existingSecret": "a"}, "tenants": {"acme": {"cap": 3}}}, "tenants: with config.existingSecret"),
    ({"config": {"existingSecret": "a"}, "defaults": {"cap": 3}}, "defaults: with config.existingSecret"),
    ({"config": {"existingSecret": "a"}, "policy": "fair"}, "policy: with config.existingSecret"),
    ({"config": {"existingSecret": "a"}, "maxQueue": 10}, "maxQueue: with config.existingSecret"),
    ({"config": {"existingSecret": "a"}, "gateway": {"origins": ["*"]}}, "gateway.origins: with config.existingSecret"),
    ({"config": {"existingSecret": "a"}, "gateway": {"trustedProxies": ["::1"]}}, "gateway.trustedProxies: with"),
    ({"config": {"existingSecret": "a"}, "gateway": {"insecureOpen": True}}, "gateway.insecureOpen: with config"),
    ({"gateway": {"autoscaling": {"minReplicas": 11}}}, "gateway.autoscaling.minReplicas: is more than"),
    ({"pools": {"firefox": {"label": "A"}}}, "pools.firefox.slots: say how many"),
    (pool(sidecar={"kind": "lease", "names": ["a"]}), "pools.chromium.slots: leave it out"),
    (pool(slots=None, replicas=2, sidecar={"kind": "lease", "names": ["a"]}), "pools.chromium.replicas: each pod"),
    (pool(slots=None, autoscaling=KEDA, sidecar={"kind": "attach", "attach": ["ws://a/"]}), "pools.chromium.replicas:"),
    (pool(autoscaling={"by": "hpa", "minReplicas": 0}), "pools.chromium.autoscaling.minReplicas: hpa keeps"),
    (pool(autoscaling={"by": "hpa", "minReplicas": 11}), "pools.chromium.autoscaling.minReplicas: is more than"),
    (pool(autoscaling=KEDA), "networkPolicy.adminFrom: name who may reach the admin port, because pools.chromium."),
    ({"monitoring": {"serviceMonitor": {"enabled": True}}}, "because monitoring.serviceMonitor needs it"),
    (
        {"networkPolicy": {"adminFrom": MONITORING}, "worker": {"autoscaling": KEDA},
         "pools": {"second": {"label": "Browsers:Chromium", "slots": 1}}},
        "pools.second.label: pool chromium scales on Browsers:Chromium too",
    ),
]  # fmt: skip


@pytest.mark.parametrize("values, words", REFUSED, ids=[words for _, words in REFUSED])
def test_refused(values, words):
    with pytest.raises((helm_python.HelmValuesError, helm_python.HelmRenderError)) as refused:
        Rendered(values)
    assert words in str(refused.value)
