"""The admin listener of gateways and workers: probes, metrics, the API, orders and events."""

import asyncio
import base64
import hashlib
import os
import re
import signal
import subprocess

from support import admin
from support.fleet import ROOT, Fleet, binary, eventually
from support.process import run
from support.prometheus import program

ACME = {"Authorization": "Bearer acme"}
TOKEN = "0123456789abcdef0123456789abcdef"


def key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def test_probes_follow_redis_and_the_drain(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        worker = await fleet.worker({"AppA:x": 1})
        await fleet.grantable(1)
        for node in (gateway, worker):
            for path in ("/livez", "/readyz"):
                assert (await admin.ask(node, path)).body == "ok\n"
        held = await fleet.client("held").open()
        assert (await held.answer()).status == 101
        # All slots are taken, which is no reason to send clients elsewhere.
        assert (await admin.ask(gateway, "/readyz")).status == 200
        fleet.redis.process.signal(signal.SIGSTOP)
        for node in (gateway, worker):
            async def unready(node=node):
                return (await admin.ask(node, "/readyz")).status == 503

            await eventually(unready, 15, "not ready without Redis")
            assert "redis" in (await admin.ask(node, "/readyz")).body
            assert (await admin.ask(node, "/livez")).status == 200
        found = await admin.metrics(gateway)
        assert found["berth_fleet_readable"] == 0 and found["berth_redis_up"] == 0
        assert "berth_gateways" not in found, "old numbers of the fleet are not told"
        fleet.redis.process.signal(signal.SIGCONT)

        async def ready():
            return (await admin.ask(gateway, "/readyz")).status == 200

        await eventually(ready, 15, "ready again")
        gateway.signal(signal.SIGTERM)
        await gateway.wait_for("draining")
        answer = await admin.ask(gateway, "/readyz")
        assert answer.status == 503 and "draining" in answer.body
        assert (await admin.ask(gateway, "/livez")).status == 200


async def test_the_metrics_are_sound_and_count_what_happens(folder):
    tenants = {"acme": {"cap": 1, "keys": [key("acme")]}, "b": {"cap": 5, "keys": [key("b")]}}
    async with Fleet(folder, tenants=tenants) as fleet:
        gateway = await fleet.gateway()
        worker = await fleet.worker({"AppA:x": 2})
        await fleet.grantable(2)
        first = await fleet.client("first", headers=ACME).open()
        assert (await first.answer()).status == 101 and await first.echo()
        waits = await fleet.client("waits", headers=ACME).open()
        refused = await fleet.client("refused", headers=ACME, path="/pool/*?wait=0").open()
        assert (await refused.answer()).status == 429

        async def waiting():
            return (await admin.metrics(gateway)).get('berth_waiting{reason="tenant_cap"}') == 1

        await eventually(waiting, 10, "one waits for its cap")
        found = await admin.metrics(gateway)
        expected = {
            'berth_queue_depth{pool="AppA:x|"}': 1, 'berth_slots{pool="AppA:x|",state="leased"}': 1,
            'berth_slots{pool="AppA:x|",state="free"}': 1, 'berth_slots_wanted{pool="AppA:x|"}': 1,
            'berth_refusals_total{code="would_wait"}': 1, 'berth_refusals_total{code="wait_timeout"}': 0,
            'berth_tenant_held{tenant="acme"}': 1, 'berth_tenant_cap{tenant="b"}': 5,
            'berth_tenant_refusals_total{tenant="acme"}': 1, "berth_sessions_total": 1, "berth_accepts_total": 3,
            'berth_queue_wait_seconds_count{outcome="served"}': 1, 'berth_workers{state="ok"}': 1,
            'berth_wakeups_total{source="poll"}': 0, "berth_redis_up": 1, "berth_fleet_readable": 1,
            'berth_local_waiters{pool="*|"}': 1, 'berth_connections{kind="relayed"}': 1,
        }
        assert {name: found.get(name) for name in expected} == expected
        assert found['berth_relay_bytes_total{direction="up"}'] > 0, "a session that goes on counts"
        await first.finish()
        assert (await waits.answer()).status == 101
        await waits.finish()
        await fleet.nothing_held(within=10)
        found = await admin.metrics(gateway)
        assert sum(value for name, value in found.items() if name.startswith("berth_sessions_ended_total")) == 2
        assert found['berth_wakeups_total{source="pubsub"}'] == 1 and found['berth_wakeups_total{source="poll"}'] == 0
        own = await admin.metrics(worker)
        assert own['berth_worker_sessions_total{pool="AppA:x|"}'] == 2
        assert own['berth_sidecar_starts_total{pool="AppA:x|"}'] >= 2
        assert sum(value for name, value in own.items() if name.startswith("berth_worker_slots")) == 2
        assert "berth_queue_depth" not in str(own), "the fleet's metrics come from gateways"
        for node in (gateway, worker):
            text = (await admin.ask(node, "/metrics")).body
            assert 'fleet="test"} 1' in next(line for line in text.splitlines() if line.startswith("berth_build_info{"))
            argv = [program("promtool"), "check", "metrics"]
            check = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=20, check=False)
            assert (check.returncode, check.stdout + check.stderr) == (0, "")


async def test_only_who_has_the_token_sees_and_changes(folder):
    path = folder + "/token"
    with open(path, "w", encoding="ascii") as file:
        file.write(TOKEN + "\n")
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway(more=["--admin-token-file", path])
        worker = await fleet.worker({"AppA:x": 1}, more=["--admin-token-file", path])
        await fleet.grantable(1)
        basic = base64.b64encode(f"me:{TOKEN}".encode()).decode()
        for node in (gateway, worker):
            for probe in ("/livez", "/readyz"):
                assert (await admin.ask(node, probe, headers={"Host": "10.0.0.9:9090"})).status == 200
            for where in ("/", "/metrics", "/events", "/api/v1/status", "/pressure"):
                answer = await admin.ask(node, where)
                assert (answer.status, answer.code) == (401, "unauthorized"), where
                assert answer.headers["www-authenticate"].startswith("Basic")
                wrong = {"Authorization": f"Bearer {TOKEN[:-1]}x"}
                assert (await admin.ask(node, where, headers=wrong)).status == 401
            for value in (f"Bearer {TOKEN}", f"Basic {basic}"):
                assert (await admin.ask(node, "/metrics", headers={"Authorization": value})).status == 200
        drain = f"/api/v1/workers/{worker.node_id}/drain"
        authorized = {"Authorization": f"Bearer {TOKEN}"}
        assert (await admin.ask(gateway, drain, method="POST", headers=authorized)).status == 403
        assert (await admin.order(gateway, drain)).status == 401
        assert (await admin.order(gateway, drain, **authorized)).status == 202
        await worker.wait_for("drain_ordered")
        assert all(TOKEN not in line.text for line in fleet.lines())


async def test_beyond_loopback_a_token_is_needed(folder):
    process = await run("berth", [binary("berth"), "gateway", "--listen", "127.0.0.1:0", "--admin-listen", "0.0.0.0:0"], folder)
    assert process.code == 1 and "BERTH_ADMIN_TOKEN" in process.output, process.output
    short = await run(
        "berth", [binary("berth"), "gateway", "--listen", "127.0.0.1:0"], folder, env={"BERTH_ADMIN_TOKEN": "short"}
    )
    assert short.code == 1 and "16 characters" in short.output, short.output


async def test_hostile_requests_to_the_admin_listener(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            answer = await admin.ask(gateway, "/api/v1/status", headers=headers)
            assert (answer.status, answer.code) == (403, "forbidden"), headers
        for path, status in (
            ("/nothing", 404), ("/api/v1/workers/w", 404), ("/api/v1/waiters?limit=x", 400), ("/metrics?x=1", 400),
            ("/api/v1/scale?pool=none", 404), ("/api/v1/scale?pool=%zz", 400),
            ("/api/v1/usage?day=2026-02-30", 400), ("/api/v1/usage?day=2026-02-28", 200),
        ):
            assert (await admin.ask(gateway, path)).status == status, path
        assert (await admin.ask(gateway, "/metrics", method="POST")).status == 405
        for path in ("waiters/x", "waiters/" + "0" * 32, "sessions/x", "sessions/" + "0" * 32 + ".1", "waiters/%00%0a"):
            assert (await admin.order(gateway, f"/api/v1/{path}", method="DELETE")).status == 404, path
        assert (await admin.order(gateway, "/api/v1/workers/none/drain")).status == 404
        assert (await admin.order(gateway, "/api/v1/pools/none/pause")).status == 404
        assert (await admin.order(gateway, "/api/v1/tenants/%2A%2A", method="PUT", body='{"cap":1}')).status == 400
        port = await admin.port_of(gateway)
        # More connections than there is room for: the oldest go, and the listener answers still.
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(200)]
        assert (await admin.ask(gateway, "/livez")).status == 200
        for _, writer in idle:
            writer.close()
        head = await admin.ask(gateway, "/metrics", method="HEAD")
        assert head.status == 200 and head.body == "" and int(head.headers["content-length"]) > 1_000


async def test_orders_change_the_fleet(folder):
    async with Fleet(folder, tenants={"acme": {"cap": 1, "keys": [key("acme")]}}) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker({"AppA:x": 3})
        await fleet.grantable(3)
        first = await fleet.client("first", headers=ACME).open()
        assert (await first.answer()).status == 101
        second = await fleet.client("second", headers=ACME).open()
        await gateway.wait_for("queued")
        waiters = (await admin.ask(gateway, "/api/v1/waiters")).json["waiters"]
        assert [(row["tenant"], row["reason"], row["ahead"]) for row in waiters] == [("acme", "tenant_cap", 0)]
        # A larger cap lets the second in at once; without the order the file's holds again.
        assert (await admin.order(gateway, "/api/v1/tenants/acme", method="PUT", body='{"cap":2}')).status == 204
        assert (await second.answer()).status == 101
        assert (await admin.order(gateway, "/api/v1/tenants/acme", method="DELETE")).status == 204
        assert (await admin.order(gateway, "/api/v1/pools/AppA%3Ax/pause")).status == 204
        mark = gateway.mark()
        third = await fleet.client("third", headers=ACME).open()
        await gateway.wait_for("queued", after=mark)
        await first.finish()
        await second.finish()
        pools = (await admin.ask(gateway, "/api/v1/pools")).json["pools"]
        assert [row["paused"] for row in pools] == [True]
        rows = (await admin.ask(gateway, "/api/v1/waiters?limit=1")).json["waiters"]
        assert (await admin.order(gateway, f"/api/v1/waiters/{rows[0]['id']}", method="DELETE")).status == 204
        answer = await third.answer()
        assert answer.status == 410, answer
        assert (await admin.order(gateway, "/api/v1/pools/AppA%3Ax/resume")).status == 204
        fourth = await fleet.client("fourth", headers=ACME).open()
        assert (await fourth.answer()).status == 101
        sessions = (await admin.ask(gateway, "/api/v1/sessions")).json["sessions"]
        assert [row["tenant"] for row in sessions] == ["acme"]
        assert (await admin.order(gateway, f"/api/v1/sessions/{sessions[0]['id']}", method="DELETE")).status == 204
        assert "ended by request" in await fourth.closed_by_peer(timeout=15)
        assert [line.get("order") for line in gateway.events("order")] == [
            "setTenant", "resetTenant", "pause", "endWaiter", "resume", "endSession",
        ]
        scale = (await admin.ask(gateway, "/api/v1/scale?pool=AppA%3Ax")).json
        assert scale["slots"] == 3 and scale["slotsWanted"] in (0, 1)
        assert await fleet.audit() == []


async def test_events_tell_what_happens(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker({"AppA:x": 1})
        await fleet.grantable(1)
        events = await admin.Events().open(gateway)
        assert await events.next() == "state"
        assert events.head["waiting"] == 0 and events.head["mayChange"]
        held = await fleet.client("held").open()
        assert (await held.answer()).status == 101
        waits = await fleet.client("waits").open()
        await events.until(lambda e: e.head["waiting"] == 1 and e.head["slots"]["leased"] == 1, "one waits")
        assert [events.rows["line"][one]["reason"] for one in events.order] == ["capacity"]
        refused = await fleet.client("refused", path="/pool/*?wait=0").open()
        assert (await refused.answer()).status == 429
        await events.until(lambda e: any(row["code"] == "would_wait" for row in e.recent), "the refusal is told")
        await held.finish()
        assert (await waits.answer()).status == 101
        await events.until(lambda e: e.head["waiting"] == 0 and not e.order, "nobody waits")
        # A second reader gets the whole state.
        second = await admin.Events().open(gateway)
        assert await second.next() == "state" and second.rows["workers"] == events.rows["workers"]
        second.close()
        # Nothing changes now, so little is sent.
        await events.next()
        before = events.bytes
        for _ in range(4):
            await events.next()
        assert events.bytes - before < 2_000
        fleet.redis.process.signal(signal.SIGSTOP)
        await events.until(lambda e: e.names[-1] == "trouble", "Redis is away", within=30)
        assert events.trouble.startswith("Redis "), events.trouble
        fleet.redis.process.signal(signal.SIGCONT)
        await events.until(lambda e: e.names[-1] in ("change", "tick"), "Redis is back", within=30)
        events.close()


async def test_a_page_asks_for_nothing_from_elsewhere(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        page = await admin.ask(gateway, "/")
        assert page.status == 200 and page.headers["content-type"].startswith("text/html")
        policy = page.headers["content-security-policy"]
        for element in ("script", "style"):
            text = re.search(f"<{element}>(.*?)</{element}>", page.body, re.DOTALL)[1]
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert f"{element}-src 'sha256-{digest}'" in policy
        assert "default-src 'none'" in policy and "http" not in policy


async def test_pressure_has_the_shape_that_clients_of_browserless_read(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await fleet.worker({"AppA:x": 1})
        await fleet.grantable(1)
        pressure = (await admin.ask(gateway, "/pressure")).json["pressure"]
        assert pressure["isAvailable"] is True and pressure["maxConcurrent"] == 1 and pressure["running"] == 0
        held = await fleet.client("held").open()
        assert (await held.answer()).status == 101

        async def full():
            return not (await admin.ask(gateway, "/pressure")).json["pressure"]["isAvailable"]

        await eventually(full, 5, "no slot is free")
        assert {
            "cpu", "memory", "date", "isAvailable", "maxConcurrent", "maxQueued", "message", "queued", "reason",
            "recentlyRejected", "running",
        } == set(pressure)


async def test_a_taken_port_is_an_error_if_somebody_chose_it(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        port = await admin.port_of(gateway)
        argv = [binary("berth"), "gateway", "--listen", "127.0.0.1:0", "--redis", fleet.redis.url]
        process = await run("berth", [*argv, "--admin-listen", f"127.0.0.1:{port}"], folder)
        assert process.code == 1 and "--admin-listen" in process.output, process.output


async def test_the_documented_metrics_are_those_there_are(folder):
    with open(os.path.join(ROOT, "docs", "reference", "metrics.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", file.read(), re.MULTILINE)
    documented = {name: (kind, {one.strip() for one in labels.split(",") if one.strip()}) for name, kind, labels in rows}
    async with Fleet(folder) as fleet:
        nodes = [await fleet.gateway(), await fleet.worker({"AppA:x": 1})]
        await fleet.grantable(1)
        there = {}
        for node in nodes:
            text = (await admin.ask(node, "/metrics")).body
            there.update(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
            for name, labels in re.findall(r"^(\w+)\{(.*)\} ", text, re.MULTILINE):
                family = name if name in documented else re.sub("_(bucket|sum|count)$", "", name)
                assert set(re.findall(r'(\w+)="', labels)) - {"le"} == documented[family][1], name
    assert there == {name: kind for name, (kind, _) in documented.items()}


async def test_the_documented_endpoints_are_those_there_are(folder):
    with open(os.path.join(ROOT, "docs", "reference", "admin.md"), encoding="utf-8") as file:
        documented = re.findall(r"^\| `([A-Z]+) (/\S*)` \|", file.read(), re.MULTILINE)
    with open(os.path.join(ROOT, "Sources", "Admin", "Core", "AdminEndpoint.swift"), encoding="utf-8") as file:
        coded = re.findall(r'AdminEndpoint\("([A-Z]+)", "(/\S*)"', file.read())
    assert sorted(documented) == sorted(coded) and len(coded) > 10
