"""Alerts and dashboard: their files, their documents, and both with a real Prometheus that reads a real fleet."""

import json
import math
import os
import re
import signal
import subprocess
import time

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from support.admin import port_of
from support.fleet import ROOT, Fleet, eventually
from support.monitored import Monitored
from support.prometheus import Prometheus, program

RULES = os.path.join(ROOT, "charts", "berth", "files", "alerts.yaml")
DATA = os.path.join(ROOT, "Tests", "Integration", "data")
RULE_TESTS = [os.path.join(DATA, f"{name}.test.yaml") for name in ("alerts", "alerts_of_slots")]
DASHBOARD = os.path.join(ROOT, "charts", "berth", "files", "dashboard.json")
# A run of seconds has no wait of a minute, does not use up its files, and leaks no session. A slot that is reserved for a
# borrower stands for a leaked one.
LOWERED = {
    "BerthQueueWaitHigh": ("> 60", "> 0"),
    "BerthTenantStarved": ("4 * clamp_min", "0 * clamp_min"),
    "BerthSlotLeak": ("accepted|kept", "accepted|kept|reserved"),
    "BerthFilesNearLimit": ("> 0.8", "> 0"),
}


def text(*path: str) -> str:
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def alerts() -> dict[str, dict]:
    return {rule["alert"]: rule for group in yaml.safe_load(text(RULES))["groups"] for rule in group["rules"]}


def dashboard() -> dict:
    return json.loads(text(DASHBOARD))


def panel_expressions() -> list[str]:
    targets = (target for panel in dashboard()["panels"] for target in panel.get("targets", []))
    values = {"$namespace": "production", "$pool": ".*", "$__rate_interval": "5s"}
    found = []
    for target in targets:
        expression = target["expr"]
        for name, value in values.items():
            expression = expression.replace(name, value)
        found.append(expression)
    return found


def documented_expressions() -> list[str]:
    document = text("docs", "operate", "monitoring.md")
    cells = re.findall(r"^\| [^|]*\? \| (.*) \|$", document, re.MULTILINE)
    blocks = re.findall(r"^```promql\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
    return [found for cell in cells for found in re.findall("`([^`]+)`", cell)] + "".join(blocks).splitlines()


def promtool(*arguments: str) -> str:
    argv = [program("promtool"), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_has_no_objection_to_the_rules():
    assert f"{len(alerts())} rules found" in promtool("check", "rules", RULES)


@pytest.mark.parametrize("path", RULE_TESTS, ids=os.path.basename)
def test_each_alert_fires_when_it_should(path):
    assert "SUCCESS" in promtool("test", "rules", path)


def test_each_alert_has_a_case_that_fires_and_one_that_does_not():
    names = [group["name"] for path in RULE_TESTS for group in yaml.safe_load(text(path))["tests"]]
    cases = {tuple(re.match(r"(\w+) (fires|is silent)\b", name).groups()) for name in names}
    assert cases == {(alert, case) for alert in alerts() for case in ("fires", "is silent")}


def test_each_alert_says_what_where_and_what_to_do():
    document = text("docs", "operate", "alerts.md")
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", document, re.MULTILINE | re.DOTALL))
    assert set(sections) == set(alerts())
    for name, section in sections.items():
        assert re.findall(r"^\*\*(\w[\w ]*)\.\*\*", section, re.MULTILINE) == ["Meaning", "Look first", "Do"], name
    rows = dict(re.findall(r"^\| \[(\w+)\]\(#\w+\) \| (\w+) \|", document, re.MULTILINE))
    assert rows == {name: rule["labels"]["severity"] for name, rule in alerts().items()}
    for name, rule in alerts().items():
        assert rule["annotations"]["runbook"] == f"docs/operate/alerts.md#{name.lower()}"
        assert set(rule["annotations"]) == {"summary", "description", "runbook"} and rule["for"]
        assert "$value" in rule["annotations"]["description"], name


def test_alerts_and_dashboard_use_documented_metrics():
    documented = set(re.findall(r"^\| `(\w+)` \|", text("docs", "reference", "metrics.md"), re.MULTILINE))
    used = panel_expressions() + documented_expressions() + [rule["expr"] for rule in alerts().values()]
    for name in {name for each in used for name in re.findall(r"\b(?:berth|process)_\w+", each)}:
        assert name in documented or re.sub("_(bucket|sum|count)$", "", name) in documented, name


def differences(mine, theirs, path=""):
    """Paths of what is in `mine` and not the same in `theirs`."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key, value in mine.items():
            yield from differences(value, theirs.get(key), f"{path}/{key}")
    elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        for index, value in enumerate(mine):
            yield from differences(value, theirs[index], f"{path}/{index}")
    elif mine != theirs:
        yield path


def test_the_dashboard_has_the_form_that_grafana_reads():
    """By Grafana's own models: a field that they do not know is lost on the way through them."""
    register_default_plugins()
    mine = dashboard()
    theirs = json.loads(JSONEncoder().encode(Dashboard.from_json(mine)))
    assert list(differences(mine, theirs)) == []
    panels = mine["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        columns, lines = (range(place[at], place[at] + place[size]) for at, size in ("xw", "yh"))
        cells = {(x, y) for x in columns for y in lines}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
        for target in panel.get("targets", []):
            assert target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert 'namespace=~"$namespace"' in target["expr"], panel["title"]


def configuration(folder: str, token: str, gateways: list[str], workers: list[str]) -> str:
    """The document's file for Prometheus, in this run's places, with rules that do not wait."""
    block = re.search(r"```yaml\n(scrape_configs:.*?)```", text("docs", "operate", "monitoring.md"), re.DOTALL)[1]
    config = yaml.safe_load(block)
    (job,) = config["scrape_configs"]
    job["scrape_interval"] = "1s"
    job["authorization"]["credentials_file"] = token
    job["static_configs"][0]["targets"], job["static_configs"][1]["targets"] = gateways, workers
    rules = yaml.safe_load(text(RULES))
    for rule in rules["groups"][0]["rules"]:
        rule["for"] = "0s"
        if rule["alert"] in LOWERED:
            old, new = LOWERED[rule["alert"]]
            assert old in rule["expr"]
            rule["expr"] = rule["expr"].replace(old, new)
    config["rule_files"] = [os.path.join(folder, "rules.yaml")]
    config["global"] = {"evaluation_interval": "1s"}
    for name, content in (("rules.yaml", rules), ("prometheus.yaml", config)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            yaml.safe_dump(content, file)
    return os.path.join(folder, "prometheus.yaml")


async def test_a_real_prometheus_sees_a_real_fleet(folder):
    async with Fleet(folder, tenants=Monitored.TENANTS) as fleet:
        run = await Monitored(fleet).start()
        addresses = {node: f"127.0.0.1:{await port_of(node)}" for node in fleet.nodes}
        groups = ([addresses[node] for node in group] for group in (fleet.gateways, fleet.workers))
        config = configuration(folder, run.token, *groups)
        promtool("check", "config", config)
        prometheus = await fleet.keep(Prometheus(folder, config)).start()
        began = time.time()
        fired: dict[str, list[dict]] = {}

        async def look():
            for each in await prometheus.alerts():
                fired.setdefault(each["labels"]["alertname"], []).append(each)
            return fired

        async def seen(expression: str):
            await eventually(lambda: prometheus.values(expression), 20, f"Prometheus finds {expression}")

        await seen(f"count(up == 1) == {len(fleet.nodes)}")
        await run.happen(seen)

        async def all_fired():
            return set(await look()) >= set(alerts()) - {"BerthRedisDown"}

        try:
            await eventually(all_fired, 20, "every alert fires")
        except AssertionError as error:
            raise AssertionError(f"silent: {sorted(set(alerts()) - set(fired))}") from error
        # Two gateways report the same three clients.
        assert await prometheus.values("sum(max by (pool) (berth_queue_depth))") == [3]
        ended = time.time()
        for expression in panel_expressions() + documented_expressions():
            series = await prometheus.history(expression, began, ended)
            assert any(math.isfinite(value) for values in series for value in values), f"no data: {expression}"

        fleet.redis.process.signal(signal.SIGSTOP)


        async def redis_is_down():
            return "BerthRedisDown" in await look()

        await eventually(redis_is_down, 15, "the alert on Redis fires")
        fleet.redis.process.signal(signal.SIGCONT)
        assert [rule["lastError"] for rule in await prometheus.rules() if rule["health"] != "ok"] == []
        for name, each in ((name, each) for name, group in fired.items() for each in group):
            assert each["labels"]["namespace"] == "production", each
            words = " ".join(each["annotations"].values())
            assert not re.search(r"error|no value|\{\{|%!|e\+", words), f"{name}: {words}"
